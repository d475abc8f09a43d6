import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { inspectContainer } from '../../runtime/container/index.js';
import { type Handler, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { filtersOf, isSet, numberOf, textOf } from '../query.js';
import { listedContainerJson } from './container-json.js';

const FILTERS = ['ancestor', 'before', 'exited', 'id', 'label', 'name', 'since', 'status'];
const ALIVE = ['running', 'paused', 'restarting'];
const MAX_PS_BYTES = 4 * 1024 * 1024;

/** `docker ps`. */
export const containerList: Handler = async ({ containers }, { query, answer }) => {
  using opened = await containers.open();
  const filters = filtersOf(query, FILTERS);
  const texts = [...filters].flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
  const chosen = containers.choose(await opened.host.list(), texts);
  const limit = numberOf(query, 'limit') ?? 0;
  const showsAll = isSet(query, 'all') || limit > 0 || filters.has('status') || filters.has('exited');
  const shown = chosen.filter(({ state }) => showsAll || ALIVE.includes(state.status));
  const now = Date.now();
  sendJson(
    answer,
    shown
      .slice(0, limit > 0 ? limit : undefined)
      .map((record) =>
        listedContainerJson(record, opened.host.networks, containers.statusText(record.state, now)),
      ),
  );
};

/** `docker inspect`. */
export const containerInspect: Handler = async ({ containers }, { name, answer }) => {
  using opened = await containers.open();
  const record = await opened.host.get(name);
  sendJson(answer, inspectContainer(record, opened.host.folder(record.id), opened.host.networks));
};

/** `docker top`: what ps of this machine says of the container's processes. */
export const containerTop: Handler = async ({ containers }, { name, query, answer, signal }) => {
  using opened = await containers.open();
  const { id } = await opened.host.running(name);
  const pids = new Set((await (await opened.host.control()).processes(id)).map(String));
  const args = (textOf(query, 'ps_args') ?? '-ef').split(/\s+/);
  const { stdout } = await promisify(execFile)('ps', args, { signal, maxBuffer: MAX_PS_BYTES });
  const [header = '', ...lines] = stdout.trimEnd().split('\n');
  const Titles = header.trim().split(/\s+/);
  const column = Titles.indexOf('PID');
  if (column < 0) throw new EngineError(400, `ps ${args.join(' ')} shows no PID: there must be one`);
  const rows = lines.map((line) => wordsOf(line, Titles.length));
  sendJson(answer, { Titles, Processes: rows.filter((row) => pids.has(row[column] ?? '')) });
};

/** The last column may hold spaces. */
function wordsOf(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(' ')];
}
