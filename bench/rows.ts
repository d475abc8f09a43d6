import { repositoryName, TAGS_REPOSITORY, tagName } from './fixtures.ts';
import type { PushWay } from './push.ts';
import type { RowFacts } from './results.ts';
import type { Scale } from './scale.ts';

/** What is done to a server for a row. Paths and numbers only: how, the bench knows. */
export type Task =
  | Readonly<{ kind: 'push'; way: PushWay; count: number; bytes: number; clients: number }>
  | Readonly<{ kind: 'pull'; size: 'big' | 'small'; clients: number; mode: 'each' | 'share' }>
  | Readonly<{ kind: 'repeat'; method: 'GET' | 'HEAD'; path: string; connections: number }>
  | Readonly<{ kind: 'manifests'; connections: number }>
  | Readonly<{ kind: 'start'; store: 'empty' | 'unindexed' | 'full' }>
  | Readonly<{ kind: 'help' }>;

export type Row = RowFacts & Readonly<{ phase: Phase; task: Task; repetitions: number }>;

/** Rows of a phase run one after the other; memory is read after each phase. */
type Phase = 'start' | 'push' | 'pull' | 'manifests' | 'lists';

export const IMAGE_REPOSITORY = 'bench/image';
export const IMAGE_TAG = 'latest';

/** Everything that is measured by doing it; rows about memory and processor time come out of these. */
export function rowsFor(scale: Scale): Row[] {
  return [
    ...startRows(scale),
    ...pushRows(scale),
    ...pullRows(scale),
    ...manifestRows(scale),
    ...listRows(scale),
  ];
}

/**
 * What S3 has a part in. Not large pushes by several clients: on one machine they measure the service.
 */
export function rowsOnS3(scale: Scale): Row[] {
  const pushes = pushRows(scale).filter(({ id }) => !id.endsWith('-big-4'));
  const rows = [...pushes, ...pullRows(scale), ...manifestRows(scale), ...listRows(scale)];
  return noneSlower(rows);
}

/** With the one target to be no slower: the others are about docker-registry on a disk. */
export function noneSlower(rows: readonly Row[]): Row[] {
  return rows.map((row) => ({ ...row, target: { ratio: 1 } }));
}

function startRows({ repetitions, fixtures }: Scale): Row[] {
  const repositories = fixtures.repositories.toLocaleString('en');
  const common = { phase: 'start', unit: 'ms', better: 'lower', repetitions, target: { ratio: 1 } } as const;
  return [
    { ...common, id: 'help', title: '--help', task: { kind: 'help' } },
    {
      ...common,
      id: 'start-empty',
      title: 'start-up, empty store',
      note: 'start of the process to the first 200 on /v2/',
      task: { kind: 'start', store: 'empty' },
    },
    {
      ...common,
      id: 'start-unindexed',
      title: `first start-up on ${repositories} repositories`,
      note: 'Berth without its index, which it builds after it began to answer',
      task: { kind: 'start', store: 'unindexed' },
    },
    {
      ...common,
      id: 'start-full',
      title: `later start-up on ${repositories} repositories`,
      task: { kind: 'start', store: 'full' },
    },
  ];
}

function pushRows(scale: Scale): Row[] {
  const big = mib(scale.bigBytes);
  const small = `${scale.smallCount} × ${mib(scale.smallBytes)}`;
  const common = { phase: 'push', unit: 'MB/s', better: 'higher' } as const;
  const row = (
    size: 'big' | 'small',
    { way, clients }: { way: PushWay; clients: number },
    facts: { id: string; title: string; note?: string },
  ): Row => ({
    ...common,
    ...facts,
    repetitions: size === 'big' && clients > 1 ? scale.heavyRepetitions : scale.repetitions,
    target: { ratio: clients === 1 ? 1.2 : 1 },
    task: {
      kind: 'push',
      way,
      clients,
      bytes: size === 'big' ? scale.bigBytes : scale.smallBytes,
      count: size === 'big' ? clients : scale.smallCount,
    },
  });
  const [patch, put] = ['POST, PATCH in chunks, PUT', 'POST, PUT'];
  return [
    row('big', { way: 'patch', clients: 1 }, { id: 'push-patch-big-1', title: `push ${big}, ${patch}` }),
    row(
      'big',
      { way: 'patch', clients: 4 },
      { id: 'push-patch-big-4', title: `push ${big} by each of 4 clients, ${patch}` },
    ),
    row('big', { way: 'put', clients: 1 }, { id: 'push-put-big-1', title: `push ${big}, ${put}` }),
    row(
      'big',
      { way: 'put', clients: 4 },
      { id: 'push-put-big-4', title: `push ${big} by each of 4 clients, ${put}` },
    ),
    row('small', { way: 'patch', clients: 1 }, { id: 'push-small-1', title: `push ${small}, ${patch}` }),
    row(
      'small',
      { way: 'patch', clients: 4 },
      { id: 'push-small-4', title: `push ${small} by 4 clients, ${patch}` },
    ),
  ];
}

function pullRows(scale: Scale): Row[] {
  const big = mib(scale.bigBytes);
  const small = `${scale.smallCount} × ${mib(scale.smallBytes)}`;
  const { repetitions } = scale;
  const common = {
    phase: 'pull',
    unit: 'MB/s',
    better: 'higher',
    repetitions,
    target: { ratio: 1.3 },
  } as const;
  const row = (id: string, title: string, size: 'big' | 'small', clients: number): Row => ({
    ...common,
    id,
    title,
    task: { kind: 'pull', size, clients, mode: size === 'big' ? 'each' : 'share' },
  });
  return [
    row('pull-big-1', `pull ${big}`, 'big', 1),
    row('pull-big-4', `pull ${big} by each of 4 clients`, 'big', 4),
    row('pull-small-1', `pull ${small}`, 'small', 1),
    row('pull-small-4', `pull ${small} by 4 clients`, 'small', 4),
  ];
}

function manifestRows({ repetitions }: Scale): Row[] {
  const common = { phase: 'manifests', unit: 'requests/s', better: 'higher', repetitions } as const;
  const path = `/v2/${IMAGE_REPOSITORY}/manifests/${IMAGE_TAG}`;
  const read = (method: 'GET' | 'HEAD') => ({ kind: 'repeat', method, path, connections: 32 }) as const;
  return [
    {
      ...common,
      id: 'manifest-get',
      title: 'manifest GET by tag, 32 connections',
      target: { ratio: 5 },
      task: read('GET'),
    },
    {
      ...common,
      id: 'manifest-head',
      title: 'manifest HEAD by tag, 32 connections',
      target: { ratio: 1 },
      task: read('HEAD'),
    },
    {
      ...common,
      id: 'manifest-put-1',
      title: 'manifest PUT, one after the other',
      target: { ratio: 1 },
      task: { kind: 'manifests', connections: 1 },
    },
    {
      ...common,
      id: 'manifest-put-8',
      title: 'manifest PUT, 8 at once',
      target: { ratio: 1 },
      task: { kind: 'manifests', connections: 8 },
    },
  ];
}

function listRows({ repetitions, fixtures: { repositories, tags } }: Scale): Row[] {
  const common = { phase: 'lists', unit: 'ms', better: 'lower', repetitions } as const;
  const list = (path: string) => ({ kind: 'repeat', method: 'GET', path, connections: 1 }) as const;
  const ofTags = `of ${tags.toLocaleString('en')} tags`;
  const ofRepositories = `of ${repositories.toLocaleString('en')} repositories`;
  const lastTag = tagName(tags / 2 - 1);
  const lastRepository = encodeURIComponent(repositoryName(repositories / 2 - 1));
  return [
    {
      ...common,
      id: 'tags-page',
      title: `page of 100 in the middle ${ofTags}`,
      note: 'docker-registry 2.8 has no pages of tags: it answers with all of them, unsorted',
      target: { ratio: 20 },
      task: list(`/v2/${TAGS_REPOSITORY}/tags/list?n=100&last=${lastTag}`),
    },
    {
      ...common,
      id: 'tags-all',
      title: `all ${ofTags}`,
      target: { ratio: 1 },
      task: list(`/v2/${TAGS_REPOSITORY}/tags/list`),
    },
    {
      ...common,
      id: 'catalog-first',
      title: `first page of 100 ${ofRepositories}`,
      target: { ratio: 20 },
      task: list('/v2/_catalog?n=100'),
    },
    {
      ...common,
      id: 'catalog-middle',
      title: `page of 100 in the middle ${ofRepositories}`,
      target: { ratio: 20 },
      task: list(`/v2/_catalog?n=100&last=${lastRepository}`),
    },
  ];
}

function mib(bytes: number): string {
  return `${bytes / 1024 / 1024} MiB`;
}
