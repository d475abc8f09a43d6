import { listImages, parseImageFilters } from '../../image/index.js';
import { type Handler, sendJson } from '../call.js';
import { filtersOf, isSet } from '../query.js';
import { LayerSizes, listedImageJson } from './listed-image.js';

const FILTERS = ['before', 'dangling', 'label', 'reference', 'since', 'until'];

/** `docker images`. */
export const imageList: Handler = (engine, { query, answer, version }) => {
  using store = engine.openStore();
  const listed = listImages(store);
  const filters = parseImageFilters(filterTexts(query, FILTERS)).map((filter) => filter(listed));
  const sizes = isSet(query, 'shared-size') ? new LayerSizes(store, listed) : undefined;
  const shown = listed.flatMap((image) => {
    const { names } = image.record;
    const accepted = (names.length > 0 ? names : [undefined]).filter((name) =>
      filters.every((accepts) => accepts(image, name)),
    );
    if (accepted.length === 0) return [];
    const sharedSize = sizes?.shared(image) ?? -1;
    return [
      listedImageJson(store, image, {
        version,
        names: accepted.filter((name) => name !== undefined),
        sharedSize,
        containers: -1,
      }),
    ];
  });
  sendJson(answer, shown);
};

/** `key=value` each, as the filters of images have them. */
function filterTexts(query: URLSearchParams, known: readonly string[]): string[] {
  return [...filtersOf(query, known)].flatMap(([key, values]) => values.map((value) => `${key}=${value}`));
}
