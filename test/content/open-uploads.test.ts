import { describe, expect, it } from 'vitest';
import { OpenUploads } from '../../src/content/open-uploads.js';
import { parseRepositoryName } from '../../src/oci/index.js';

const app = parseRepositoryName('team/app');
const HOUR_MS = 3_600_000;

/** A store that counts how often it is asked. */
function storeOf(uploads: Record<string, { hoursAgo: number }>) {
  const store = {
    asked: 0,
    list: async function* () {
      store.asked += 1;
      for (const [id, { hoursAgo }] of Object.entries(uploads))
        yield { id, activeAt: new Date(Date.now() - hoursAgo * HOUR_MS) };
    },
  };
  return store;
}

describe('OpenUploads', () => {
  it('does not ask the store while few uploads began', async () => {
    const open = new OpenUploads({ shared: false });
    const store = storeOf({ a: { hoursAgo: 0 }, b: { hoursAgo: 0 } });
    open.began(app, 'a');
    expect(await open.isFull(app, 2, store.list)).toBe(false);
    expect(store.asked).toBe(0);
  });

  it('does not count what ended', async () => {
    const open = new OpenUploads({ shared: false });
    const store = storeOf({});
    for (const id of ['a', 'b']) open.began(app, id);
    for (let i = 0; i < 2; i += 1) open.ended(app, 'a');
    expect(await open.isFull(app, 2, store.list)).toBe(false);
    expect(store.asked).toBe(0);
  });

  it.each([
    { title: 'under way', stored: { a: { hoursAgo: 0 }, b: { hoursAgo: 0.9 } }, full: true },
    { title: 'given up', stored: { a: { hoursAgo: 0 }, b: { hoursAgo: 1.1 } }, full: false },
    { title: 'purged by others', stored: { a: { hoursAgo: 0 } }, full: false },
  ])('believes the store about what is $title', async ({ stored, full }) => {
    const open = new OpenUploads({ shared: false });
    const store = storeOf(stored);
    for (const id of ['a', 'b']) open.began(app, id);
    expect(await open.isFull(app, 2, store.list)).toBe(full);
    expect(await open.isFull(app, 2, store.list)).toBe(full);
    expect(store.asked).toBe(1);
  });

  it.each([
    { title: 'looks where others begin uploads too', others: 16, full: true },
    { title: 'and finds room', others: 8, full: false },
  ])('$title', async ({ others, full }) => {
    const open = new OpenUploads({ shared: true });
    const stored = Object.fromEntries(Array.from({ length: others }, (_, i) => [`${i}`, { hoursAgo: 0 }]));
    const store = storeOf(stored);
    expect(await open.isFull(app, 16, store.list)).toBe(false); // the first one is free
    open.began(app, '0');
    expect(await open.isFull(app, 16, store.list)).toBe(full);
    expect(store.asked).toBe(1);
  });
});
