import { getHeapStatistics } from 'node:v8';
import { collectNow } from './collect-garbage.js';

/** More make a program larger that V8 would not tidy by itself yet; fewer cost more than they give back. */
const LEFT_BYTES = 16 * 1024 ** 2;

/**
 * For a program that goes through much, piece by piece, and keeps nothing of it: V8 would let its heap grow to several times
 * of what it needs.
 * @returns what is to be called between pieces. It may hold up everything for some ten milliseconds.
 */
export function heapTidier(): () => void {
  let kept = usedBytes();
  return () => {
    if (usedBytes() - kept < LEFT_BYTES) return;
    collectNow();
    kept = usedBytes();
  };
}

function usedBytes(): number {
  const { used_heap_size: heap, external_memory: outside } = getHeapStatistics();
  return heap + outside;
}
