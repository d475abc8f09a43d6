import {
  DEFAULT_DETACH_KEYS,
  parseDetachKeys,
  postAttach,
  resizeTerminal,
} from '../../runtime/container/index.js';
import { type Handler, type HijackHandler, sendEmpty } from '../call.js';
import { EngineError } from '../errors.js';
import { hijack } from '../hijack.js';
import { isSet, numberOf, textOf } from '../query.js';
import { streamType } from '../stream-frames.js';
import { AttachedStream } from './attached-stream.js';
import { terminalSizeOf } from './terminal-size.js';

/** `docker attach`, and what `docker run` asks before it starts a container: then it waits for that. */
export const containerAttach: HijackHandler = async (engine, call) => {
  const { name, query, version, socket, head, signal, stopping } = call;
  const { host } = engine.containers;
  const record = await host.get(name);
  const { id, state, config } = record;
  if (state.status === 'paused')
    throw new EngineError(409, `container ${id} is paused, unpause the container before attach`);
  const tty = config.Tty === true;
  const keys = textOf(query, 'detachKeys') ?? DEFAULT_DETACH_KEYS;
  const options = {
    tty,
    detachKeys: tty ? parseDetachKeys(keys) : new Uint8Array(),
    selected: {
      stdin: isSet(query, 'stdin') && config.OpenStdin === true,
      stdout: isSet(query, 'stdout'),
      stderr: isSet(query, 'stderr'),
    },
  };
  postAttach(host.events, record);
  const stream = hijack(socket, head, streamType({ tty, version }));
  const until = AbortSignal.any([signal, stopping]);
  const attached = new AttachedStream(host.folder(id), stream, options, until);
  using _waiting = engine.attachments.add(id, () => attached.open());
  if (state.status === 'running') await engine.attachments.openAll(id);
  await attached.ended;
  socket.end();
};

/** Attaching is for those who take the connection over. */
export const plainAttach: Handler = () => {
  throw new EngineError(400, 'to attach, ask for an upgrade: Connection: Upgrade, Upgrade: tcp');
};

/** The client's terminal has another size. */
export const containerResize: Handler = async ({ containers }, { name, query, answer }) => {
  const { id } = await containers.host.running(name);
  const { rows, columns } = terminalSizeOf(numberOf(query, 'h') ?? 0, numberOf(query, 'w') ?? 0);
  resizeTerminal(containers.host.folder(id), rows, columns);
  sendEmpty(answer, 200);
};
