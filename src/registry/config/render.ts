import { stringify } from 'yaml';
import type { z } from 'zod';
import { formatDuration } from './durations.js';
import type { LoadedConfig } from './load.js';
import { DEFAULT, formatOrigin } from './notices.js';
import { configSchema } from './schema/config.js';
import { masked } from './secrets.js';
import { shapeOf } from './shape.js';
import { formatSize } from './sizes.js';

/**
 * The configuration as it can be shown: durations and sizes in words, secrets masked, nothing that is not set. Apart
 * from the secrets it can be loaded again, and means the same.
 */
function showable({ config }: LoadedConfig): unknown {
  return show(config, configSchema, []);
}

function show(value: unknown, schema: z.core.$ZodType | undefined, path: readonly string[]): unknown {
  const shape = schema && shapeOf(schema);
  if (typeof value === 'number' && shape?.unit === 'duration') return formatDuration(value);
  if (typeof value === 'number' && shape?.unit === 'size') return formatSize(value);
  if (Array.isArray(value))
    return value.map((item, index) => show(item, shape?.items, [...path, String(index)]));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).filter(([, inner]) => inner !== undefined);
    const schemaOf = (key: string) => shape?.keys?.get(key) ?? shape?.values;
    return Object.fromEntries(
      entries.map(([key, inner]) => [key, show(inner, schemaOf(key), [...path, key])]),
    );
  }
  return typeof value === 'string' || typeof value === 'number' ? maskedValue(path, value) : value;
}

function maskedValue(path: readonly string[], value: string | number): string | number {
  const shown = masked(path, String(value));
  return shown === String(value) ? value : shown;
}

/** YAML in which a comment behind each value says where it comes from. */
export function renderYaml(loaded: LoadedConfig): string {
  const { origins } = loaded;
  const originAt = (path: readonly string[]) => formatOrigin(origins.get(path.join('.')) ?? DEFAULT);
  return `${linesOf(showable(loaded), [], originAt).join('\n')}\n`;
}

type OriginAt = (path: readonly string[]) => string;

/** The lines of a map or a list, without indentation of their own. */
function linesOf(value: unknown, path: readonly string[], originAt: OriginAt): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item, index) => listItem(item, [...path, String(index)], originAt));
  }
  return Object.entries(Object(value)).flatMap(([key, inner]) =>
    mapEntry(key, inner, [...path, key], originAt),
  );
}

function mapEntry(key: string, value: unknown, path: readonly string[], originAt: OriginAt): string[] {
  if (isSingle(value)) return [`${single(key)}: ${single(value)} # ${originAt(path)}`];
  return [`${single(key)}:`, ...linesOf(value, path, originAt).map((line) => `  ${line}`)];
}

function listItem(value: unknown, path: readonly string[], originAt: OriginAt): string[] {
  if (isSingle(value)) return [`- ${single(value)} # ${originAt(path)}`];
  return linesOf(value, path, originAt).map((line, index) => `${index === 0 ? '-' : ' '} ${line}`);
}

function isSingle(value: unknown): boolean {
  return typeof value !== 'object' || value === null || Object.keys(value).length === 0;
}

function single(value: unknown): string {
  const text = stringify(value, { lineWidth: 0 }).trimEnd();
  return text.includes('\n') ? JSON.stringify(value) : text;
}

/** The same for programs: values, origins and notices. */
export function renderJson(loaded: LoadedConfig): string {
  const origins = Object.fromEntries([...loaded.origins].map(([key, origin]) => [key, formatOrigin(origin)]));
  return `${JSON.stringify({ config: showable(loaded), origins, notices: loaded.notices }, undefined, 2)}\n`;
}
