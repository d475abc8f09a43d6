import { describe, expect, it } from 'vitest';
import { FilterError } from '../../src/image/errors.js';
import { parseImageFilters, parseTime } from '../../src/image/image-filters.js';
import { LocalStore, listImages } from '../../src/image/index.js';
import { temporaryFolder } from '../support/temporary-folder.js';
import { fixtureImage, once } from './image-fixture.js';

async function shown(filters: readonly string[]): Promise<string[]> {
  await using folder = await temporaryFolder();
  using store = LocalStore.open(folder.path);
  const images = {
    'docker.io/library/old:1': fixtureImage({ created: '2020-01-01T00:00:00Z' }),
    'reg.example/team/new:2': fixtureImage({
      created: '2024-01-01T00:00:00Z',
      config: { Labels: { team: 'red' } },
    }),
    '': fixtureImage({ created: '2022-01-01T00:00:00Z' }),
  };
  for (const [name, image] of Object.entries(images)) {
    for (const { descriptor, bytes } of image.blobs) await store.push(descriptor, async () => once(bytes));
    store.tagMany(image.manifest, name === '' ? [] : [name]);
  }
  const listed = listImages(store);
  const accepting = parseImageFilters(filters).map((filter) => filter(listed));
  return listed
    .map((image) => ({ image, name: image.record.names[0] }))
    .filter(({ image, name }) => accepting.every((accepts) => accepts(image, name)))
    .map(({ name }) => name?.replace(/^.*\//, '') ?? '-');
}

describe('filters of images', () => {
  it.each([
    [[], ['new:2', '-', 'old:1']],
    [['dangling=true'], ['-']],
    [['dangling=false'], ['new:2', 'old:1']],
    [['label=team'], ['new:2', '-', 'old:1']],
    [['label=team=red'], ['new:2']],
    [['reference=old'], ['old:1']],
    [['reference=reg.example/*/new'], ['new:2']],
    [['reference=reg.example/*'], []],
    [
      ['reference=*:1', 'reference=reg.example/team/new:2'],
      ['new:2', 'old:1'],
    ],
    [['before=reg.example/team/new:2'], ['-', 'old:1']],
    [['since=old:1'], ['new:2', '-']],
    [['until=2021-01-01T00:00:00Z'], ['old:1']],
  ])('%j show %j', async (filters, names) => expect(await shown(filters)).toEqual(names));

  it.each(['nothing', 'size=1', 'dangling=maybe', 'before=none:1', 'until=soon'])(
    'refuse %s',
    async (filter) => {
      await expect(shown([filter])).rejects.toThrow(FilterError);
    },
  );

  it('take times as docker does', () => {
    expect(parseTime('1h30m', 10_000_000)).toBe(10_000_000 - 5_400_000);
    expect(parseTime('1700000000')).toBe(1_700_000_000_000);
  });
});
