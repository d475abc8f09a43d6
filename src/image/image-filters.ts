import { parseReference, shortName, shortReference } from '../oci/index.js';
import { FilterError } from './errors.js';
import type { ListedImage } from './listed-images.js';

/** Given all images, says of one, under one of its names, whether it is shown. */
export type ImageFilter = (
  images: readonly ListedImage[],
) => (image: ListedImage, name: string | undefined) => boolean;

/** `key=value` each, as docker has them; several of one key mean any of them, several keys all. @throws {FilterError} */
export function parseImageFilters(texts: readonly string[]): ImageFilter[] {
  const byKey = new Map<string, ImageFilter[]>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    if (equals < 0) throw new FilterError(`a filter is key=value, not ${JSON.stringify(text)}`);
    const [key, value] = [text.slice(0, equals), text.slice(equals + 1)];
    byKey.set(key, [...(byKey.get(key) ?? []), filterOf(key, value)]);
  }
  return [...byKey].map(([key, filters]) => (key.startsWith('label') ? every(filters) : some(filters)));
}

function some(filters: readonly ImageFilter[]): ImageFilter {
  return (images) => {
    const accepting = filters.map((filter) => filter(images));
    return (image, name) => accepting.some((accepts) => accepts(image, name));
  };
}

function every(filters: readonly ImageFilter[]): ImageFilter {
  return (images) => {
    const accepting = filters.map((filter) => filter(images));
    return (image, name) => accepting.every((accepts) => accepts(image, name));
  };
}

function filterOf(key: string, value: string): ImageFilter {
  switch (key) {
    case 'dangling':
      return () =>
        ({ record }) =>
          (record.names.length === 0) === parseBoolean(value);
    case 'label':
      return () => (image) => hasLabel(image, value);
    case 'label!':
      return () => (image) => !hasLabel(image, value);
    case 'reference':
      return () => (image, name) => isCalled(image, name, value);
    case 'before':
      return (images) => olderThan(createdAt(images, value));
    case 'until':
      return () => olderThan(parseTime(value));
    case 'since': {
      return (images) => {
        const time = createdAt(images, value);
        return (image) => image.createdAt > time;
      };
    }
    default:
      throw new FilterError(
        `no filter ${key}; there are before, dangling, label, label!, reference, since and until`,
      );
  }
}

function olderThan(time: number) {
  return (image: ListedImage) => image.createdAt < time;
}

function parseBoolean(value: string): boolean {
  if (/^(true|1|t)$/i.test(value)) return true;
  if (/^(false|0|f)$/i.test(value)) return false;
  throw new FilterError(`dangling is true or false, not ${JSON.stringify(value)}`);
}

function hasLabel({ image }: ListedImage, text: string): boolean {
  const equals = text.indexOf('=');
  const labels = image?.config.config?.Labels ?? {};
  const value = labels[equals < 0 ? text : text.slice(0, equals)];
  return value !== undefined && (equals < 0 || value === text.slice(equals + 1));
}

/** By a name; by what a registry calls it; without a name by the repository that it came from. */
function isCalled({ record: { repoDigests } }: ListedImage, name: string | undefined, pattern: string) {
  if (name !== undefined && matchesReference(name, pattern)) return true;
  return (
    (name === undefined || pattern.includes('@')) &&
    repoDigests.some((text) => matchesReference(text, pattern))
  );
}

/** A pattern for the repository alone, or with the tag; `*` does not match a slash. */
function matchesReference(name: string, pattern: string): boolean {
  const reference = parseReference(name);
  const candidates = [
    name,
    name.replace(/(@.*|:[^:/]*)$/, ''),
    shortReference(reference),
    shortName(reference),
  ];
  const matcher = globPattern(pattern);
  return candidates.some((candidate) => matcher.test(candidate));
}

function globPattern(pattern: string): RegExp {
  const source = pattern
    .replace(/[\\^$.|+(){}]/g, '\\$&')
    .replaceAll('*', '[^/]*')
    .replaceAll('?', '[^/]');
  try {
    return new RegExp(`^${source}$`);
  } catch (error) {
    throw new FilterError(`not a pattern: ${JSON.stringify(pattern)}`, { cause: error });
  }
}

function createdAt(images: readonly ListedImage[], text: string): number {
  const found = images.find(
    ({ record }) =>
      record.id.slice(7).startsWith(text.replace(/^sha256:/, '')) ||
      record.names.some((name) => matchesReference(name, text) || matchesReference(name, `${text}:latest`)),
  );
  if (found === undefined) throw new FilterError(`no such image: ${text}`);
  return found.createdAt;
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600 };

/** A time, or how long ago: `24h`, `1h30m`. */
export function parseTime(text: string, now = Date.now()): number {
  const parts = [...text.matchAll(/(\d+)([smh])/g)];
  if (parts.length > 0 && parts.map(([part]) => part).join('') === text) {
    return (
      now - parts.reduce((sum, [, count, unit]) => sum + Number(count) * (SECONDS[unit ?? ''] ?? 0) * 1000, 0)
    );
  }
  const time = /^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text);
  if (Number.isNaN(time))
    throw new FilterError(`not a time: ${JSON.stringify(text)}; write 24h or 2026-01-31T12:00:00Z`);
  return time;
}
