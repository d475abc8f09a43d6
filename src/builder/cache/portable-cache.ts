import { type Digest, findDigest } from '../../oci/index.js';
import type { StepRecord } from './step-cache.js';

/** Where the configuration of an image tells which steps made its layers. */
export const CACHE_MEMBER = 'io.berth.buildcache.v1';

/** Without what steps say: the values of arguments are in there, also those of stages that are not published. */
type PortableRecord = Omit<StepRecord, 'description'>;
export type PortableCache = Readonly<{ records: readonly PortableRecord[]; shapes: readonly string[] }>;

/** Records as steps use them. */
export type StepRecords = Readonly<{ records: readonly StepRecord[]; shapes: readonly string[] }>;

const MAX_RECORDS = 100_000;
/** RFC 3339: it comes into the history of images. */
const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;

/** @returns `undefined` when there is none, or none that this version understands: then nothing is in the cache. */
export function readPortableCache(config: object): StepRecords | undefined {
  const value: unknown = (config as Record<string, unknown>)[CACHE_MEMBER];
  if (!isObject(value) || !Array.isArray(value.records) || !Array.isArray(value.shapes)) return undefined;
  const records = value.records.slice(0, MAX_RECORDS).flatMap((record) => recordOf(record) ?? []);
  const shapes = value.shapes.filter((shape) => typeof shape === 'string');
  return { records, shapes };
}

/** Only what is about these layers. */
export function limitedTo({ records, shapes }: StepRecords, diffIDs: readonly Digest[]): PortableCache {
  const wanted = new Set(diffIDs);
  const kept = records
    .filter(({ diffID }) => wanted.has(diffID))
    .map(({ key, diffID, size, created }) => ({ key, diffID, size, created }));
  return { records: kept.toSorted((a, b) => (a.key < b.key ? -1 : 1)), shapes };
}

function recordOf(value: unknown): StepRecord | undefined {
  if (!isObject(value)) return undefined;
  const { key, size, created } = value;
  const diffID = findDigest(String(value.diffID));
  if (typeof key !== 'string' || typeof size !== 'number' || diffID === undefined) return undefined;
  if (typeof created !== 'string' || !TIME.test(created)) return undefined;
  return { key, diffID, size, created, description: 'imported from a cache' };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}
