/** What is done at once: enough to keep a disk or an object store busy. */
export const SIDE_BY_SIDE = 16;

/** Like `map`, a few at a time, leaving out what turns out `undefined`. Keeps the order. */
export async function mapSideBySide<T, R>(
  items: readonly T[],
  map: (item: T) => Promise<R | undefined>,
): Promise<R[]> {
  const results: (R | undefined)[] = new Array(items.length);
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < items.length; i = next++) results[i] = await map(items[i] as T);
  };
  await Promise.all(Array.from({ length: Math.min(SIDE_BY_SIDE, items.length) }, worker));
  return results.filter((result) => result !== undefined);
}

/** Works on the items as they come, `atOnce` at a time, until there are no more or `isOver`. @throws what `work` throws. */
export async function forEachSideBySide<T>(
  items: AsyncIterable<T> | Iterable<T>,
  work: (item: T) => Promise<void>,
  { atOnce, isOver }: { atOnce: number; isOver: () => boolean | undefined },
): Promise<void> {
  const underWay = new Set<Promise<void>>();
  try {
    for await (const item of items) {
      if (isOver()) return;
      const done = work(item).then(() => void underWay.delete(done));
      underWay.add(done);
      if (underWay.size >= atOnce) await Promise.race(underWay);
    }
  } finally {
    await Promise.allSettled(underWay); // nobody is told of an end while something goes on
    await Promise.all(underWay);
  }
}
