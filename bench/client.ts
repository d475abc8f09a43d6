import { ENOUGH, type ImagesOrder, pushImages } from './images.ts';
import { type PullOrder, pull } from './pull.ts';
import { type PushOrder, push } from './push.ts';
import { type ManifestsOrder, pushManifests, type RepeatOrder, repeat } from './requests.ts';
import type { Work } from './work.ts';

export type Order = PushOrder | PullOrder | RepeatOrder | ManifestsOrder | ImagesOrder;
export type Reply = Readonly<{ work: Work }> | Readonly<{ error: string }>;

let enough = new AbortController();

/** Runs in a process of its own, so that its processor time is its own too. One order at a time. */
process.on('message', async (order: Order | typeof ENOUGH) => {
  if (order === ENOUGH) return enough.abort();
  enough = new AbortController();
  process.send?.(await follow(order));
});
process.on('disconnect', () => process.exit());

async function follow(order: Order): Promise<Reply> {
  try {
    return { work: await perform(order) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

function perform(order: Order): Promise<Work> {
  switch (order.kind) {
    case 'push':
      return push(order);
    case 'pull':
      return pull(order);
    case 'repeat':
      return repeat(order);
    case 'manifests':
      return pushManifests(order);
    case 'images':
      return pushImages(order, enough.signal);
  }
}
