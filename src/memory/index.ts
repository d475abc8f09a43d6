/**
 * When V8 is to give memory back: what it would keep for longer than is good. Nothing here says how much anybody may have.
 */
export { collectGarbage } from './collect-garbage.js';
export { keepHeapSmall } from './keep-heap-small.js';
export { heapTidier } from './tidy-heap.js';
