import { OciError } from '../../oci/index.js';
import { sendJson } from './answers.js';
import type { Registry, RegistryContext } from './registry.js';

const DEFAULT_RESULTS = 25;
const MAX_RESULTS = 100;

/** `docker search HOST/TERM`: the last of the old API that clients still use, with what the caller may pull. */
export function search({ catalog, access }: Registry) {
  return async (ctx: RegistryContext) => {
    const { identity } = ctx.state;
    if (identity === 'anonymous' && access.canLogIn && !access.anonymousCanPullSomething) {
      throw new OciError('UNAUTHORIZED', 'authentication required');
    }
    const query = new URLSearchParams(ctx.querystring);
    const term = query.get('q') ?? '';
    const limit = Math.min(
      Math.max(Number.parseInt(query.get('n') ?? '', 10) || DEFAULT_RESULTS, 1),
      MAX_RESULTS,
    );
    const page = { limit, containing: term.toLowerCase() };
    const { items } = await catalog.repositories(page, access.visible(identity));
    const results = items.map((name) => ({
      name,
      description: '',
      star_count: 0,
      is_official: false,
      is_automated: false,
    }));
    sendJson(ctx, { query: term, num_results: results.length, results });
  };
}

/** How docker finds out that there is something to search. */
export async function pingSearch(ctx: RegistryContext): Promise<void> {
  ctx.set('X-Docker-Registry-Standalone', 'true');
  sendJson(ctx, { standalone: true });
}
