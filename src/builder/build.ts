import type { BuildOptions } from './build-options.js';
import { type BuildParts, StagesBuild } from './build-stages.js';
import type { ImageState } from './image-state.js';
import type { BuiltImage } from './result/stored-result.js';

/**
 * Builds an image for each platform; layers end up in the local store, and in the cache.
 * @returns in the order of `options.platforms`.
 * @throws {StepError} the first instruction that failed; everything else is called off.
 */
export async function build(options: BuildOptions, parts: BuildParts): Promise<BuiltImage[]> {
  const failure = new AbortController();
  const signal = AbortSignal.any([parts.signal, failure.signal]);
  const running = options.platforms.map(async (platform) => {
    try {
      const stages = new StagesBuild(options, platform, { ...parts, signal });
      const state = await stages.build();
      const image = await finish(state, options, { ...parts, signal });
      // What the last FROM is for may be another; an index names each platform once, as it was asked for.
      const isOnly = options.platforms.length === 1;
      return { ...image, platform: isOnly ? state.platform : platform, materials: stages.materials };
    } catch (error) {
      failure.abort(error);
      throw error;
    }
  });
  await Promise.allSettled(running);
  return Promise.all(running);
}

async function finish(state: ImageState, options: BuildOptions, parts: BuildParts) {
  const { epoch, fileTimes } = options;
  const time = epoch === undefined ? undefined : new Date(epoch * 1000).toISOString();
  if (options.squash) {
    const { squash } = await import('./result/squash.js');
    await squash(state, parts.layers, time ?? new Date().toISOString());
  }
  let { layers } = state;
  if (fileTimes !== undefined) {
    const { rewriteTimes } = await import('./result/rewrite-times.js');
    layers = await rewriteTimes(layers, fileTimes, parts);
  }
  const config = state.finish({ layers, ...(time !== undefined && { epoch: time }) });
  return { config, layers };
}
