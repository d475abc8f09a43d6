import { once } from 'node:events';
import type { ContainerHost } from '../../runtime/container/index.js';
import { type LogRecord, logSourceOf, readLog, utcTimeOfUnix } from '../../runtime/logs/index.js';
import type { Handler } from '../call.js';
import { EngineError } from '../errors.js';
import { isSet, textOf } from '../query.js';
import { frameHeader, streamType } from '../stream-frames.js';

/** `docker logs`, in frames unless it comes from a terminal. */
export const containerLogs: Handler = async (engine, { name, query, answer, signal, stopping, version }) => {
  const { host } = engine.containers;
  const record = await host.get(name);
  const { id, config } = record;
  const streams = (['stdout', 'stderr'] as const).filter((stream) => isSet(query, stream));
  if (streams.length === 0) throw new EngineError(400, 'Bad parameters: you must choose at least one stream');
  const source = logSourceOf(record, host.folder(id).file('log'));
  if (source === undefined) throw new EngineError(501, 'configured logging driver does not support reading');
  const until = AbortSignal.any([signal, stopping]);
  const options = { streams, ...rangeOf(query), ...(isSet(query, 'follow') && following(host, id, until)) };
  const tty = config.Tty === true;
  answer.writeHead(200, { 'Content-Type': streamType({ tty, version }) });
  answer.flushHeaders();
  // Attributes of a record stand before it, and a space after them; no log driver here has any.
  const details = isSet(query, 'details') ? ' ' : '';
  const withTimes = isSet(query, 'timestamps');
  for await (const line of readLog(source, { ...options, signal: until })) {
    const before = `${withTimes ? `${line.time} ` : ''}${details}`;
    const text = before === '' ? line.text : Buffer.concat([Buffer.from(before), line.text]);
    if (!answer.write(framed(line, text, tty))) await once(answer, 'drain', { signal: until });
  }
  answer.end();
};

function framed({ stream }: LogRecord, text: Buffer, tty: boolean): Buffer {
  return tty ? text : Buffer.concat([frameHeader(stream, text.length), text]);
}

function following(host: ContainerHost, id: string, signal: AbortSignal) {
  const ended = new AbortController();
  const end = () => ended.abort();
  host.wait(id, { signal }).then(end, end);
  return { follow: { ended: ended.signal } };
}

/** @throws {EngineError} 400 */
function rangeOf(query: URLSearchParams) {
  const tail = textOf(query, 'tail') ?? 'all';
  const [since, until] = [timeOf(query, 'since'), timeOf(query, 'until')];
  return {
    ...(since !== undefined && { since }),
    ...(until !== undefined && { until }),
    // As docker: what is no number is all.
    ...(/^\d{1,9}$/.test(tail) && { tail: Number(tail) }),
  };
}

/** 0 is no time. @throws {EngineError} 400 */
function timeOf(query: URLSearchParams, key: string): string | undefined {
  const text = textOf(query, key);
  if (text === undefined || text === '0') return undefined;
  const time = utcTimeOfUnix(text);
  if (time === undefined) throw new EngineError(400, `${key} is no time: ${JSON.stringify(text)}`);
  return time;
}
