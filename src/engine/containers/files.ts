import { pipeline } from 'node:stream/promises';
import { decompress } from '../../layer/index.js';
import type { FileStat } from '../../runtime/container/index.js';
import { type Handler, sendEmpty, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { isSet, textOf } from '../query.js';
import type { EngineRequest } from '../request.js';

const STAT_HEADER = 'X-Docker-Container-Path-Stat';
const TAR = { 'Content-Type': 'application/x-tar' };
const KINDS = { changed: 0, added: 1, deleted: 2 } as const;

/** What `docker cp` asks before it copies. */
export const containerArchiveInfo: Handler = async ({ containers }, { name, query, answer, signal }) => {
  const path = pathOf(query);
  const stat = await containers.host.files.open(name, (files) => files.find(path), { signal });
  answer.writeHead(200, { [STAT_HEADER]: statHeader(stat) });
  answer.end();
};

/** `docker cp`, out of a container. */
export const containerArchive: Handler = async ({ containers }, { name, query, answer, signal }) => {
  const path = pathOf(query);
  await containers.host.files.open(
    name,
    async (files) => {
      const stat = await files.find(path);
      answer.writeHead(200, { ...TAR, [STAT_HEADER]: statHeader(stat) });
      await files.read({ path, name: stat.name }, (tar) => pipeline(tar, answer, { end: false }));
    },
    { signal },
  );
  answer.end();
};

/** `docker cp`, into a container. */
export const putContainerArchive: Handler = async (engine, { name, query, message, answer, signal }) => {
  const options = {
    path: pathOf(query),
    keepsKinds: isSet(query, 'noOverwriteDirNonDir'),
    asUser: isSet(query, 'copyUIDGID'),
  };
  const tar = decompress(message, { signal });
  await engine.containers.host.files.open(name, (files) => files.write(tar, options), { signal });
  sendEmpty(answer, 200);
};

/** `docker diff`. */
export const containerChanges: Handler = async ({ containers }, { name, answer, signal }) => {
  const changes = await containers.host.files.changes(name, { signal });
  const shown = changes.map(({ kind, path }) => ({ Path: path, Kind: KINDS[kind] }));
  sendJson(answer, shown.length === 0 ? null : shown);
};

/** `docker export`. */
export const containerExport: Handler = async ({ containers }, { name, answer, signal }) => {
  const send = async (tar: AsyncIterable<Uint8Array>) => {
    answer.writeHead(200, { 'Content-Type': 'application/octet-stream' });
    await pipeline(tar, answer, { end: false });
  };
  await containers.host.files.export(name, send, { signal });
  answer.end();
};

/** @throws {EngineError} 400 */
function pathOf(query: EngineRequest['query']): string {
  const path = textOf(query, 'path');
  if (path === undefined) throw new EngineError(400, "bad parameter: 'path' cannot be empty");
  return path;
}

function statHeader({ name, size, mode, mtimeNs, linkTarget }: FileStat): string {
  const json = { name, size, mode: goMode(mode), mtime: goTime(BigInt(mtimeNs)), linkTarget };
  return Buffer.from(JSON.stringify(json)).toString('base64');
}

/** Types as of stat(2), and what Go's io/fs calls them. */
const GO_TYPES: ReadonlyMap<number, number> = new Map([
  [0o100000, 0],
  [0o040000, 2 ** 31],
  [0o120000, 2 ** 27],
  [0o060000, 2 ** 26],
  [0o010000, 2 ** 25],
  [0o140000, 2 ** 24],
  [0o020000, 2 ** 26 + 2 ** 21],
]);
const GO_BITS = [
  [0o4000, 2 ** 23],
  [0o2000, 2 ** 22],
  [0o1000, 2 ** 20],
] as const;

function goMode(mode: number): number {
  const bits = GO_BITS.filter(([bit]) => (mode & bit) !== 0).map(([, go]) => go);
  return [GO_TYPES.get(mode & 0o170000) ?? 0, ...bits].reduce((sum, bit) => sum + bit, mode & 0o777);
}

/** RFC 3339, to the nanosecond. */
function goTime(nanoseconds: bigint): string {
  const second = 1_000_000_000n;
  const part = ((nanoseconds % second) + second) % second;
  const whole = new Date(Number((nanoseconds - part) / 1_000_000n)).toISOString().slice(0, 19);
  return `${whole}.${String(part).padStart(9, '0')}Z`;
}
