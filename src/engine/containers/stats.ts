import { setTimeout as sleep } from 'node:timers/promises';
import { type ContainerRecord, statsOfContainer } from '../../runtime/container/index.js';
import { statsJson } from '../../runtime/limits/index.js';
import { type Handler, sendJson } from '../call.js';
import { JsonStream } from '../json-stream.js';
import { isSet } from '../query.js';

/** Clients take the share of the processors from two readings. */
const INTERVAL_MS = 1000;

/** `docker stats`: one reading each second, or with `stream=0` the second of two. */
export const containerStats: Handler = async ({ containers }, { name, query, answer, signal, stopping }) => {
  const { host } = containers;
  const { id } = await host.get(name);
  const until = AbortSignal.any([signal, stopping]);
  const look = async () => {
    const record = await host.get(id);
    return { record, stats: statsOfContainer(record) };
  };
  let before = await look();
  if (query.has('stream') && !isSet(query, 'stream')) {
    if (!isSet(query, 'one-shot') && before.stats !== undefined)
      await sleep(INTERVAL_MS, undefined, { signal: until });
    const now = await look();
    sendJson(
      answer,
      now.stats === undefined ? emptyJson(now.record) : statsJson(now.record, now.stats, before.stats),
    );
    return;
  }
  const stream = new JsonStream(answer);
  stream.begin();
  while (!until.aborted) {
    const now = await look().catch(() => undefined); // it was removed
    if (now === undefined) break;
    // Who reads slowly gets fewer readings, not old ones.
    await stream.drained(until).catch(() => {}); // over: the loop ends
    if (until.aborted) break;
    stream.write(
      now.stats === undefined ? emptyJson(now.record) : statsJson(now.record, now.stats, before.stats),
    );
    before = now;
    await sleep(INTERVAL_MS, undefined, { signal: until }).catch(() => {}); // over: the loop ends
  }
  stream.end();
};

/** As docker tells of containers that do not run. */
function emptyJson({ id, name }: ContainerRecord): object {
  return {
    read: '0001-01-01T00:00:00Z',
    preread: '0001-01-01T00:00:00Z',
    pids_stats: {},
    cpu_stats: { cpu_usage: { total_usage: 0 } },
    precpu_stats: { cpu_usage: { total_usage: 0 } },
    memory_stats: {},
    name: `/${name}`,
    id,
  };
}
