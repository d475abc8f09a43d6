import type { ContainersOptions } from '../runtime/index.js';

/** What joins layers, as BERTH_OVERLAY has it: for options of what makes containers. @throws {Error} it is not known. */
export function overlayChoice(value = process.env.BERTH_OVERLAY ?? ''): Pick<ContainersOptions, 'overlay'> {
  if (value === '' || value === 'kernel') return {};
  if (value === 'fuse-overlayfs') return { overlay: value };
  throw new Error(`BERTH_OVERLAY is ${JSON.stringify(value)}: it can be kernel or fuse-overlayfs`);
}
