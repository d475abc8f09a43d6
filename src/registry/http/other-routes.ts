import Router, { type RouterContext } from '@koa/router';
import type { Context, Middleware } from 'koa';
import { home } from './home.js';
import type { Registry, RegistryContext } from './registry.js';
import { pingSearch, search } from './search.js';

/** What is not below `/v2/`: a page for people, and what is left of the old API. */
export function otherRoutes(registry: Registry): Middleware {
  const { prefix, search: searchable } = registry.settings;
  const router = new Router();
  // Load balancers ask for / wherever the registry is, as the reference answers there.
  router.get(['/', `${prefix}/`], (ctx) => named(ctx, 'home', home(registry)));
  if (searchable) {
    router.get(`${prefix}/v1/_ping`, (ctx) => named(ctx, 'search', pingSearch));
    router.get(`${prefix}/v1/search`, (ctx) => named(ctx, 'search', search(registry)));
  }
  const routes = router.routes();
  return (ctx, next) => routes(ctx as RouterContext, next); // what that has more, it adds itself
}

function named(
  ctx: Context,
  handler: string,
  answer: (ctx: RegistryContext) => Promise<void>,
): Promise<void> {
  ctx.state.handler = handler;
  return answer(ctx as RegistryContext);
}
