import { collectLatest } from './collect-garbage.js';

/** More of them cost more than they give back; fewer leave more memory unused. */
const COLLECT_EACH_BYTES = 8 * 1024 ** 2;

let received = 0;

/**
 * To be told of bytes that came in chunks which Node made for them, and which are needed for a moment only. Such a chunk of
 * 64 KiB is a small object to V8: hundreds of megabytes of them wait for the nursery to be full, or for a collection of
 * everything. Collected early they cost half the processor time, since their memory is used again.
 */
export function noteReceived(bytes: number): void {
  received += bytes;
  if (received < COLLECT_EACH_BYTES) return;
  received = 0;
  collectLatest();
}
