import { imageHistory, inspectImage } from '../../image/index.js';
import { type Platform, parsePlatform } from '../../oci/index.js';
import { type Handler, sendJson } from '../call.js';
import { EngineError } from '../errors.js';
import { textOf } from '../query.js';

/** `docker image inspect`. */
export const imageInspect: Handler = (engine, { name, answer }) => {
  using store = engine.openStore();
  sendJson(answer, inspectImage(store, store.get(name)));
};

/** `docker history`. */
export const imageHistoryList: Handler = (engine, { name, query, answer }) => {
  using store = engine.openStore();
  const entries = imageHistory(store, store.get(name), platformOf(query));
  sendJson(
    answer,
    entries.map(({ id, created, createdBy, tags, size, comment }) => ({
      Id: id ?? '<missing>',
      Created: Math.floor((Date.parse(created ?? '') || 0) / 1000),
      CreatedBy: createdBy,
      Tags: tags.length === 0 ? null : tags,
      Size: size,
      Comment: comment,
    })),
  );
};

/**
 * `platform`: text, `linux/arm64`, or since version 1.48 an object of JSON. Nothing is this machine's.
 * @throws {EngineError} 400
 */
export function platformOf(query: URLSearchParams): Platform | undefined {
  const text = textOf(query, 'platform');
  if (text === undefined) return undefined;
  try {
    if (!text.startsWith('{')) return parsePlatform(text);
    const { os = '', architecture = '', variant = '' } = JSON.parse(text) as Record<string, string>;
    return parsePlatform([os, architecture, variant].filter((part) => part !== '').join('/'));
  } catch (error) {
    throw new EngineError(400, `platform: ${(error as Error).message}`, { cause: error });
  }
}
