import { setTimeout as sleep } from 'node:timers/promises';
import type { ContainerHost } from '../../runtime/container/index.js';
import type { Handler } from '../call.js';
import { EngineError } from '../errors.js';
import type { EventBus } from '../events/event-bus.js';
import { textOf } from '../query.js';

const CONDITIONS = ['not-running', 'next-exit', 'removed'];
/** Until it is started: whoever asks so is about to do that. */
const LOOK_AGAIN_MS = 25;

/**
 * `docker wait`, and what `docker run` asks before it starts a container. The headers go at once: clients wait for them
 * before they go on.
 */
export const containerWait: Handler = async (
  { containers, events },
  { name, query, answer, signal, stopping },
) => {
  const { host } = containers;
  const condition = textOf(query, 'condition') ?? 'not-running';
  if (!CONDITIONS.includes(condition)) throw new EngineError(400, `invalid condition: ${condition}`);
  const { id } = await host.get(name);
  const from = events.last;
  answer.writeHead(200, { 'Content-Type': 'application/json' });
  answer.flushHeaders();
  const until = AbortSignal.any([signal, stopping]);
  const StatusCode =
    condition === 'not-running'
      ? await host.wait(id, { signal: until })
      : await nextExit({ host, events, id, from, isRemoved: condition === 'removed' }, until);
  answer.end(`${JSON.stringify({ StatusCode, Error: null })}\n`);
};

type Awaited = Readonly<{
  host: ContainerHost;
  events: EventBus;
  id: string;
  from: number;
  isRemoved: boolean;
}>;

/** The exit code of the run that is under way or comes next; a container that goes away has ended too. */
async function nextExit(
  { host, events, id, from, isRemoved }: Awaited,
  signal: AbortSignal,
): Promise<number> {
  for (;;) {
    const record = await host.get(id).catch(() => undefined);
    const own = events.after(from).filter((event) => event.id === id);
    const died = own.find(({ action }) => action === 'die');
    const code = Number(died?.attributes.exitCode ?? record?.state.exitCode ?? 0);
    if (record === undefined || (died !== undefined && !isRemoved)) return code;
    if (record.state.status === 'running') await host.wait(id, { signal });
    // Whoever takes it apart may be this process: it must get its turn.
    await sleep(LOOK_AGAIN_MS, undefined, { signal });
  }
}
