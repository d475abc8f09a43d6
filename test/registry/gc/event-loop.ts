import { setImmediate } from 'node:timers/promises';

/** @returns how many turns of the event loop others would have got until then. */
export async function turnsUntil(isOver: () => boolean): Promise<number> {
  let turns = 0;
  for (; !isOver(); turns += 1) await setImmediate();
  return turns;
}
