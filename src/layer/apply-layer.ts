import { createHash } from 'node:crypto';
import { type Digest, digestOf } from '../oci/index.js';
import type { ApplyOptions } from './apply-options.js';
import { LayerExtractor } from './layer-extractor.js';
import { Pace } from './pace.js';
import { TarFeed } from './tar-feed.js';

/** What is pushed at once, so that a slice of work stays short. */
const PIECE_BYTES = 64 * 1024;

/**
 * Unpacks one layer. Nothing is written outside `root`, whatever the layer holds: see RootedDirectories. After a
 * failure the directory holds a part of the layer, and is to be thrown away.
 * @param source the uncompressed tar. @param root a directory that is there, and that nobody else changes meanwhile.
 * @returns what the tar hashes to, to be compared with what it should, and its size.
 * @throws {TarError} @throws {LayerError} @throws {NoRoomError}
 */
export async function applyLayer(
  source: AsyncIterable<Uint8Array>,
  root: string,
  options: ApplyOptions,
): Promise<{ diffID: Digest; size: number }> {
  const hash = createHash('sha256');
  const pace = new Pace();
  let size = 0;
  using extractor = new LayerExtractor(root, options);
  const feed = new TarFeed(extractor);
  for await (const chunk of source) {
    hash.update(chunk);
    size += chunk.byteLength;
    for (let at = 0; at < chunk.byteLength; at += PIECE_BYTES) {
      feed.push(chunk.subarray(at, at + PIECE_BYTES));
      if (pace.isDue()) await pace.breathe();
      options.signal?.throwIfAborted();
    }
  }
  feed.finish();
  extractor.finish();
  return { diffID: digestOf('sha256', hash.digest('hex')), size };
}
