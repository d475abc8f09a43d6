import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectHeader, expectStatus } from '../checks.ts';
import { artifactManifest, EMPTY_BLOB, nonce } from '../content.ts';
import { expectNextLink, pagesFrom } from '../pages.ts';
import type { Repository } from '../repository.ts';
import { category, requirement, type Trial } from '../requirement.ts';

/** Pushed in this order. Byte order puts capitals before "_" before small letters. */
const SHUFFLED = [
  'v10',
  'b',
  'A',
  'latest',
  'v2',
  'a',
  '_x',
  'B',
  '1.0',
  'v1',
  'z',
  '0.9',
  'Z',
  'c',
  'v1.0.1',
  'x-y',
  'm',
  'k',
];

function tagsIn(answer: Answer): string[] {
  expectStatus(answer, 200);
  const { tags } = answer.json() as { tags?: unknown };
  if (!Array.isArray(tags)) expect.fail(`${answer}: tags is not an array`);
  return tags as string[];
}

async function tagged(
  { repository }: Pick<Trial, 'repository'>,
  tags: readonly string[],
): Promise<Repository> {
  const target = repository();
  await target.pushBlob(EMPTY_BLOB);
  const manifest = artifactManifest('application/vnd.example.test', { annotations: { nonce: nonce() } });
  for (const tag of tags) await target.pushManifest(manifest, tag);
  return target;
}

/** Byte order, or the order of letters whatever their case; both are allowed. */
function expectOrder(tags: readonly string[]): void {
  const orders = [
    (tag: string) => tag,
    (tag: string) => tag.toLowerCase(),
    (tag: string) => tag.toUpperCase(),
  ];
  const sorted = orders.some((key) =>
    tags.every((tag, at) => at === 0 || key(tags[at - 1] ?? '') <= key(tag)),
  );
  if (!sorted) expect.fail(`in no order: ${tags.join(' ')}`);
}

category('tags', () => {
  // spec.md, "Listing Tags" (end-8).
  requirement('D45.1', 'MUST', 'lists the tags of a repository, with its name', async (trial) => {
    const target = await tagged(trial, ['v1', 'v2']);
    const answer = await target.tags();
    expectHeader(answer, 'Content-Type', /^application\/json\b/);
    expect(tagsIn(answer).toSorted(), String(answer)).toEqual(['v1', 'v2']);
    expect((answer.json() as { name: unknown }).name, `${answer}: name`).toBe(target.name);
  });

  requirement('D45.2', 'MUST', 'answers 404 for a repository it does not know', async ({ repository }) => {
    expectStatus(await repository().tags(), 404);
  });

  requirement(
    'D45.3',
    'MUST',
    'lists no tags where a manifest was pushed by digest only',
    async ({ repository }) => {
      const target = repository();
      await target.pushImage();
      expect(tagsIn(await target.tags())).toEqual([]);
    },
  );

  requirement('D45.4', 'MUST', 'lists a tag once, however often it moved', async ({ repository }) => {
    const target = repository();
    for (let round = 0; round < 3; round++) await target.pushImage('v1');
    expect(tagsIn(await target.tags())).toEqual(['v1']);
  });

  // In the order of bytes, or of letters without regard to case. Paging with `last` makes no sense otherwise.
  requirement('D46', 'MUST', 'lists tags in order', async (trial) => {
    const tags = tagsIn(await (await tagged(trial, SHUFFLED)).tags());
    expect(tags.toSorted()).toEqual(SHUFFLED.toSorted());
    expectOrder(tags);
  });

  // Few clients follow Link here: what is asked for without n is wanted whole.
  requirement('V11', 'SHOULD', 'lists 120 tags in one answer when n is not given', async (trial) => {
    const wanted = Array.from({ length: 120 }, (_, at) => `t${String(at).padStart(3, '0')}`);
    const target = await tagged(trial, wanted);
    expect(tagsIn(await target.tags()).toSorted()).toEqual(wanted);
  });

  requirement('D47.1', 'MUST', 'lists n tags when there are more', async (trial) => {
    const target = await tagged(trial, SHUFFLED);
    for (const n of [1, 5]) {
      const answer = await target.tags(`?n=${n}`);
      const count = tagsIn(answer).length;
      // Fewer are allowed if a Link leads on.
      const fits = count === n || (count < n && answer.header('Link') !== undefined);
      if (!fits) expect.fail(`${answer}: ${count} tags for n=${n}`);
    }
  });

  requirement('D47.2', 'MUST', 'lists nothing, without a Link, for n=0', async (trial) => {
    const answer = await (await tagged(trial, ['v1', 'v2'])).tags('?n=0');
    expect(tagsIn(answer)).toEqual([]);
    expect(answer.header('Link'), `${answer}: Link`).toBeUndefined();
  });

  requirement('D47.3', 'MUST', 'lists all tags, without a Link, when n is larger', async (trial) => {
    const answer = await (await tagged(trial, ['v1', 'v2'])).tags('?n=3');
    expect(tagsIn(answer)).toHaveLength(2);
    expect(answer.header('Link'), `${answer}: Link`).toBeUndefined();
  });

  // Crane asks for 1000 at a time; others ask for all they can imagine.
  requirement('C44.1', 'SHOULD', 'answers a huge n with what it can', async (trial) => {
    const target = await tagged(trial, ['v1', 'v2']);
    for (const n of ['1000', '1000000', '2147483648']) {
      expect(tagsIn(await target.tags(`?n=${n}`)), `tags for n=${n}`).toHaveLength(2);
    }
  });

  // RFC 8288, rel="next": every tag once, in order.
  requirement('D48', 'MAY', 'leads through all tags by Link', async (trial) => {
    const target = await tagged(trial, SHUFFLED);
    const first = await target.tags('?n=5');
    if (first.header('Link') === undefined) trial.skip('no Link although there is more');
    const pages = (await pagesFrom(trial.client, first)).map(tagsIn);
    for (const page of pages) expect(page.length, 'tags on a page').toBeLessThanOrEqual(5);
    expect(pages.flat().toSorted()).toEqual(SHUFFLED.toSorted());
    expectOrder(pages.flat());
  });

  // Crane and oras follow only to the same scheme and host, podman reads only path and query.
  requirement('C44.2', 'SHOULD', 'writes Link as an absolute path with rel="next"', async (trial) => {
    const first = await (await tagged(trial, SHUFFLED)).tags('?n=5');
    if (first.header('Link') === undefined) trial.skip('no Link although there is more');
    expectNextLink(first);
  });

  requirement('D49.1', 'MUST', 'starts behind last', async (trial) => {
    const target = await tagged(trial, SHUFFLED);
    const all = tagsIn(await target.tags());
    expect(tagsIn(await target.tags(`?last=${all[3]}`))).toEqual(all.slice(4));
    expect(tagsIn(await target.tags(`?n=2&last=${all[3]}`)).slice(0, 2)).toEqual(all.slice(4, 6));
    expect(tagsIn(await target.tags(`?last=${all[3]}&n=2`)).slice(0, 2)).toEqual(all.slice(4, 6));
    expect(tagsIn(await target.tags(`?last=${all.at(-1)}`))).toEqual([]);
  });

  // FAQ.md: not specified. "Everything greater" lets a listing go on although a tag vanished meanwhile.
  requirement('D49.2', 'MAY', 'goes on behind a last that does not exist', async (trial) => {
    const target = await tagged(trial, ['v1', 'v3', 'v5']);
    const answer = await target.tags('?last=v2');
    if (answer.status === 400 || answer.status === 404)
      trial.skip(`refuses an unknown last (${answer.status})`);
    expect(tagsIn(answer)).toEqual(['v3', 'v5']);
  });

  requirement('D49.3', 'SHOULD', 'ignores parameters that it does not know', async (trial) => {
    const answer = await (await tagged(trial, ['v1'])).tags('?ns=docker.io&unknown=1');
    expect(tagsIn(answer)).toEqual(['v1']);
  });
});
