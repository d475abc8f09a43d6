import { OciError } from '../../oci/index.js';
import type { Page } from '../repositories/index.js';
import type { RegistryContext } from './registry.js';

/**
 * `n` and `last` of a list. distribution-spec spec.md, "Listing Tags".
 * @param limits `max` for any page, `default` where the client names no size.
 * @throws {OciError} PAGINATION_NUMBER_INVALID. More than `max` is not an error: the page is shorter, with a Link.
 */
export function parsePage(ctx: RegistryContext, limits: { max: number; default: number }): Page {
  if (ctx.querystring === '') return { limit: limits.default };
  const query = new URLSearchParams(ctx.querystring);
  const [n, last] = [query.get('n'), query.get('last')];
  if (n !== null && n !== '' && !/^\d+$/.test(n)) {
    throw new OciError(
      'PAGINATION_NUMBER_INVALID',
      `n must be a number from 0 on, not ${JSON.stringify(n)}`,
      {
        detail: { n },
      },
    );
  }
  const limit = n === null || n === '' ? limits.default : Math.min(Number(n), limits.max);
  return { limit, ...(last ? { after: last } : {}) };
}
