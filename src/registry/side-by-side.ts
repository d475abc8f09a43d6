/** What is done at once: enough to keep a disk or an object store busy. */
const SIDE_BY_SIDE = 16;

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
