import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { InvalidContainerError, lastWords } from '../errors.js';
import { requiredProgram } from '../programs.js';
import type { ContainerHost } from './container-host.js';
import { processesOf } from './container-processes.js';

const MAX_PS_BYTES = 4 * 1024 * 1024;

/** Docker's words for headings and rows; each row has as many cells as there are headings. */
export type ContainerTop = Readonly<{ Titles: readonly string[]; Processes: readonly (readonly string[])[] }>;

/**
 * What ps of this machine says of a container's processes. @param psArgs of ps; `-ef` where there are none.
 * @throws {ContainerStateError} it does not run. @throws {InvalidContainerError} ps refuses them, or shows no PID.
 */
export async function topContainer(
  host: ContainerHost,
  text: string,
  psArgs: readonly string[] = [],
  { signal }: Readonly<{ signal?: AbortSignal }> = {},
): Promise<ContainerTop> {
  const record = await host.running(text);
  const pids = new Set((await processesOf(record, await host.control())).map(String));
  const args = psArgs.length > 0 ? psArgs : ['-ef'];
  const [header = '', ...lines] = (await psOutput(args, signal)).trimEnd().split('\n');
  const Titles = header.trim().split(/\s+/);
  const column = Titles.indexOf('PID');
  if (column < 0) throw new InvalidContainerError(`ps ${args.join(' ')} shows no PID: there must be one`);
  const rows = lines.map((line) => wordsOf(line, Titles.length));
  return { Titles, Processes: rows.filter((row) => pids.has(row[column] ?? '')) };
}

async function psOutput(args: readonly string[], signal: AbortSignal | undefined): Promise<string> {
  const program = requiredProgram('ps', { package: 'procps', for: 'lists of processes' });
  try {
    return (await promisify(execFile)(program, args, { signal, maxBuffer: MAX_PS_BYTES })).stdout;
  } catch (error) {
    signal?.throwIfAborted();
    const { stderr = '' } = error as { stderr?: string };
    throw new InvalidContainerError(
      `ps ${args.join(' ')} failed: ${lastWords(stderr) || (error as Error).message}`,
      {
        cause: error,
      },
    );
  }
}

/** The last column may hold spaces. */
function wordsOf(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(' ')];
}
