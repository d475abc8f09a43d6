import { sendEmpty } from './answers.js';
import type { Registry, RegistryContext } from './registry.js';

const MAX_SHOWN = 200;

/** What a person sees who opens the registry in a browser. Programs get the empty answer they always got. */
export function home({ catalog, access }: Registry) {
  return async (ctx: RegistryContext) => {
    ctx.set('Cache-Control', 'no-cache');
    if (!ctx.accepts('text/html') || !ctx.get('Accept').includes('text/html')) return sendEmpty(ctx, 200);
    const { items, more } = access.anonymousCanPullSomething
      ? await catalog.repositories({ limit: MAX_SHOWN }, access.visible('anonymous'))
      : { items: [], more: false };
    ctx.set('Content-Security-Policy', "default-src 'none'; style-src 'unsafe-inline'");
    ctx.set('X-Content-Type-Options', 'nosniff');
    ctx.type = 'text/html; charset=utf-8';
    ctx.body = page(ctx.host, items, { more, login: access.canLogIn });
  };
}

function page(
  host: string,
  repositories: readonly string[],
  options: { more: boolean; login: boolean },
): string {
  const registry = escaped(host || 'localhost:5000');
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>${registry} – container registry</title>
<style>body{font:16px/1.5 system-ui,sans-serif;max-width:46rem;margin:3rem auto;padding:0 1rem;color:#1c2733}
pre{background:#f1f4f7;padding:1rem;overflow:auto;border-radius:6px}li{font-family:ui-monospace,monospace}
@media(prefers-color-scheme:dark){body{background:#14191f;color:#d8dee6}pre{background:#1e262f}}</style>
<h1>${registry}</h1>
<p>This is a container registry, served by Berth. Use it with docker, podman or any other OCI client:</p>
<pre>${options.login ? `docker login ${registry}\n` : ''}docker tag my-image ${registry}/my-image:v1
docker push ${registry}/my-image:v1
docker pull ${registry}/my-image:v1</pre>
${repositoryList(repositories, options)}
</html>
`;
}

function repositoryList(
  repositories: readonly string[],
  { more, login }: { more: boolean; login: boolean },
): string {
  if (repositories.length === 0) {
    return login ? '<p>What it holds is shown to those who log in.</p>' : '<p>It holds no images yet.</p>';
  }
  const items = repositories.map((name) => `<li>${escaped(name)}`).join('\n');
  return `<h2>Repositories</h2>\n<ul>\n${items}\n</ul>${more ? '\n<p>… and more: see <code>/v2/_catalog</code>.</p>' : ''}`;
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
