import { compare, parse, type SemVer } from 'semver';
import type { TagUse } from '../../index/index.js';
import type { RepositoryName, Tag } from '../../oci/index.js';

/** Conditions on a tag, of which all must be true. Times in milliseconds. */
export type Keep = Readonly<{
  /** It is among so many that were pushed last. */
  newest?: number | undefined;
  /** It is among so many highest versions. */
  newestVersions?: number | undefined;
  pushedWithin?: number | undefined;
  /** Pulled, or pushed. */
  pulledWithin?: number | undefined;
}>;

/** Which of its tags stay: those that one of `keep` is true of. Without any, all stay until their own time is over. */
export type RetentionRule = Readonly<{
  matches: (repository: RepositoryName, tag: Tag) => boolean;
  keep: readonly Keep[];
  /** Names the label that says for how long an image wants to stay. */
  expiryLabel?: string | undefined;
}>;

export type RetentionOptions = Readonly<{
  now: Date;
  /** What was never pulled since then may have been pulled before. */
  pullsKnownSince: Date;
  /** For how long an image wants to stay, by a label of it; in milliseconds. */
  lifetime: (use: TagUse, label: string) => Promise<number | undefined>;
}>;

/** A tag that goes, and the rule that says so, counted from 0. */
export type Expired = TagUse & Readonly<{ rule: number }>;

/** @param uses all tags of the repository. The first rule that matches a tag decides. */
export async function expiredTags(
  rules: readonly RetentionRule[],
  repository: RepositoryName,
  uses: readonly TagUse[],
  options: RetentionOptions,
): Promise<Expired[]> {
  const groups = Map.groupBy(uses, ({ tag }) => rules.findIndex((rule) => rule.matches(repository, tag)));
  const expired: Expired[] = [];
  for (const [index, group] of groups) {
    const rule = rules[index];
    if (rule === undefined) continue; // no rule matches
    const ranks = new Ranks(group);
    for (const use of group) {
      const stays = rule.keep.length === 0 || rule.keep.some((keep) => isKept(keep, use, ranks, options));
      if (!stays || (await isOver(use, rule, options))) expired.push({ ...use, rule: index });
    }
  }
  return expired;
}

/** Places of the tags of one rule, counted from 0. */
class Ranks {
  readonly #byTime: ReadonlyMap<Tag, number>;
  readonly #byVersion: ReadonlyMap<Tag, number>;

  constructor(uses: readonly TagUse[]) {
    const byTime = uses.toSorted(
      (a, b) => b.taggedAt.getTime() - a.taggedAt.getTime() || (a.tag < b.tag ? 1 : -1),
    );
    this.#byTime = new Map(byTime.map(({ tag }, rank) => [tag, rank]));
    const versions = uses.flatMap(({ tag }) => {
      const version = versionOf(tag);
      return version === undefined ? [] : [{ tag, version }];
    });
    versions.sort((a, b) => compare(b.version, a.version) || (a.tag < b.tag ? 1 : -1));
    this.#byVersion = new Map(versions.map(({ tag }, rank) => [tag, rank]));
  }

  age({ tag }: TagUse): number {
    return this.#byTime.get(tag) ?? Number.POSITIVE_INFINITY;
  }

  version({ tag }: TagUse): number {
    return this.#byVersion.get(tag) ?? Number.POSITIVE_INFINITY;
  }
}

/** `v1.2` is 1.2.0, `1.2.3-rc.1` comes before `1.2.3`. */
function versionOf(tag: Tag): SemVer | undefined {
  const [, numbers, rest = ''] = /^v?(\d+(?:\.\d+){0,2})(-[\w.-]+)?$/.exec(tag) ?? [];
  if (numbers === undefined) return undefined;
  const missing = 3 - numbers.split('.').length;
  return parse(`${numbers}${'.0'.repeat(missing)}${rest.replaceAll('_', '-')}`, { loose: true }) ?? undefined;
}

function isKept(
  keep: Keep,
  use: TagUse,
  ranks: Ranks,
  { now, pullsKnownSince }: Pick<RetentionOptions, 'now' | 'pullsKnownSince'>,
): boolean {
  const { newest, newestVersions, pushedWithin, pulledWithin } = keep;
  const pushed = now.getTime() - use.taggedAt.getTime();
  const used = Math.min(pushed, now.getTime() - (use.pulledAt ?? pullsKnownSince).getTime());
  return (
    (newest === undefined || ranks.age(use) < newest) &&
    (newestVersions === undefined || ranks.version(use) < newestVersions) &&
    (pushedWithin === undefined || pushed < pushedWithin) &&
    (pulledWithin === undefined || used < pulledWithin)
  );
}

async function isOver(use: TagUse, { expiryLabel }: RetentionRule, { now, lifetime }: RetentionOptions) {
  if (expiryLabel === undefined) return false;
  const time = await lifetime(use, expiryLabel);
  return time !== undefined && now.getTime() - use.taggedAt.getTime() >= time;
}
