import type { RegistryContext, RegistrySettings } from './registry.js';

/** A JSON answer with exactly this Content-Type: clients compare it as text, so no charset is added. */
export function sendJson(ctx: RegistryContext, value: unknown, contentType = 'application/json'): void {
  sendJsonText(ctx, JSON.stringify(value), contentType);
}

/** The same for a value that is JSON already. */
export function sendJsonText(ctx: RegistryContext, text: string, contentType = 'application/json'): void {
  ctx.status = 200;
  ctx.set('Content-Type', contentType);
  ctx.set('Content-Length', String(Buffer.byteLength(text)));
  // As text, Node sends it in one piece with the headers.
  ctx.respond = false;
  ctx.res.end(ctx.method === 'HEAD' ? undefined : text);
}

/** An answer without a body. Koa would leave out the length, which some clients wait for. */
export function sendEmpty(ctx: RegistryContext, status: number): void {
  ctx.status = status;
  ctx.body = null;
  ctx.status = status; // Koa makes 204 of an empty body
  if (status !== 204 && status !== 304) ctx.set('Content-Length', '0');
}

/** @param path below the prefix, such as `/v2/`. */
export function locationOf(
  { baseUrl, prefix }: Pick<RegistrySettings, 'baseUrl' | 'prefix'>,
  path: string,
): string {
  return `${baseUrl}${prefix}${path}`;
}

/** A list goes on behind `last`. An absolute path: clients refuse links to other hosts or schemes. RFC 8288. */
export function linkNext(
  ctx: RegistryContext,
  { prefix }: RegistrySettings,
  path: string,
  query: Record<string, string | readonly string[]>,
): void {
  const pairs = Object.entries(query).flatMap(([key, values]) =>
    [values].flat().map((value) => `${key}=${encodeURIComponent(value)}`),
  );
  ctx.set('Link', `<${prefix}${path}?${pairs.join('&')}>; rel="next"`);
}

/** Whether an If-Match or If-None-Match header names this digest; tags may come quoted, weak or bare. */
export function namesDigest(header: string, digest: string): boolean {
  const tags = header.split(',').map((tag) => tag.trim().replace(/^W\//, '').replace(/^"|"$/g, ''));
  return tags.includes('*') || tags.includes(digest);
}
