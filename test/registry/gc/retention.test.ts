import { describe, expect, it } from 'vitest';
import type { TagUse } from '../../../src/index/index.js';
import { parseDigest, parseRepositoryName, parseTag } from '../../../src/oci/index.js';
import { parseLifetime } from '../../../src/registry/gc/lifetime.js';
import { expiredTags, type Keep, type RetentionRule } from '../../../src/registry/gc/retention.js';

const DAY = 86_400_000;
const now = new Date('2026-06-01T00:00:00Z');
const pullsKnownSince = new Date(now.getTime() - 100 * DAY);
const app = parseRepositoryName('team/app');
const digest = parseDigest(`sha256:${'a'.repeat(64)}`);

/** Days ago that it was pushed, and pulled if it was. */
function use(tag: string, pushed: number, pulled?: number): TagUse {
  const ago = (days: number) => new Date(now.getTime() - days * DAY);
  return {
    tag: parseTag(tag),
    digest,
    taggedAt: ago(pushed),
    pulledAt: pulled === undefined ? undefined : ago(pulled),
  };
}

async function gone(
  rules: readonly RetentionRule[],
  uses: readonly TagUse[],
  lifetimes: Record<string, number> = {},
) {
  const lifetime = async ({ tag }: TagUse) => lifetimes[tag];
  return (await expiredTags(rules, app, uses, { now, pullsKnownSince, lifetime }))
    .map(({ tag }) => tag)
    .sort();
}

function all(...keep: Keep[]): RetentionRule[] {
  return [{ matches: () => true, keep }];
}

const USES = [
  use('v1.9.0', 40, 1),
  use('v1.10.0', 30),
  use('v2.0.0-rc.1', 20),
  use('latest', 10),
  use('dev', 1),
];

describe('retention rules', () => {
  it.each<{ keep: Keep[]; go: string[]; why: string }>([
    { keep: [], go: [], why: 'no condition' },
    { keep: [{ newest: 2 }], go: ['v1.10.0', 'v1.9.0', 'v2.0.0-rc.1'], why: 'by time' },
    { keep: [{ newestVersions: 2 }], go: ['dev', 'latest', 'v1.9.0'], why: '1.10 is more than 1.9' },
    { keep: [{ pushedWithin: 15 * DAY }], go: ['v1.10.0', 'v1.9.0', 'v2.0.0-rc.1'], why: 'by age' },
    { keep: [{ pulledWithin: 15 * DAY }], go: ['v1.10.0', 'v2.0.0-rc.1'], why: 'pulls count' },
    { keep: [{ newest: 1 }, { newestVersions: 1 }], go: ['latest', 'v1.10.0', 'v1.9.0'], why: 'one of both' },
    {
      keep: [{ newest: 3, newestVersions: 1 }],
      go: ['dev', 'latest', 'v1.10.0', 'v1.9.0'],
      why: 'both at once',
    },
  ])('keep what $keep says: $why', async ({ keep, go }) => {
    expect(await gone(all(...keep), USES)).toEqual(go);
  });

  it('do not take it for granted that nothing was pulled before pulls were remembered', async () => {
    const lifetime = async () => undefined;
    const options = { now, lifetime, pullsKnownSince: new Date(now.getTime() - 14 * DAY) };
    expect(await expiredTags(all({ pulledWithin: 15 * DAY }), app, USES, options)).toEqual([]);
  });

  it('let the first one decide that matches', async () => {
    const rules: RetentionRule[] = [
      { matches: (repository, tag) => repository === 'team/app' && tag.startsWith('v'), keep: [] },
      { matches: (repository) => repository === 'other', keep: [{ newest: 1 }] },
      { matches: () => true, keep: [{ newest: 1 }] },
    ];
    expect(await gone(rules, USES)).toEqual(['latest']);
  });

  it('order versions as semantic versioning does', async () => {
    const versions = ['1.2', 'v1.2.1-rc.1', '1.2.1', '1.2.1-alpine', '10', '9.9.9'].map((tag, i) =>
      use(tag, i),
    );
    expect(await gone(all({ newestVersions: 3 }), versions)).toEqual(['1.2', '1.2.1-alpine', 'v1.2.1-rc.1']);
  });

  it('let images go whose own time is over', async () => {
    const rules = [{ matches: () => true, keep: [{ newest: 4 }], expiryLabel: 'expires' }];
    expect(await gone(rules, USES, { dev: DAY, latest: 11 * DAY })).toEqual(['dev', 'v1.9.0']);
  });

  it.each([
    ['90m', 5_400_000],
    ['7d', 7 * DAY],
    ['2w', 14 * DAY],
    ['7', undefined],
    ['-1d', undefined],
    ['never', undefined],
  ])('read %s', (text, milliseconds) => expect(parseLifetime(text)).toBe(milliseconds));
});
