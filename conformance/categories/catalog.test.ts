import { expect } from 'vitest';
import type { Answer } from '../answer.ts';
import { expectHeader, expectStatus } from '../checks.ts';
import { expectNextLink, pagesFrom } from '../pages.ts';
import { category, requirement, type Trial } from '../requirement.ts';

function repositoriesIn(answer: Answer): string[] {
  expectStatus(answer, 200);
  const { repositories } = answer.json() as { repositories?: unknown };
  if (!Array.isArray(repositories)) expect.fail(`${answer}: repositories is not an array`);
  return repositories as string[];
}

/** The catalog is docker's, not OCI's: a registry may leave it out or keep it to administrators. */
async function withCatalog({ client, skip }: Trial, query = ''): Promise<Answer> {
  const answer = await client.request('GET', `/v2/_catalog${query}`);
  if ([401, 403, 404, 405].includes(answer.status)) skip(`no catalog for us (${answer.status})`);
  return answer;
}

/** Three repositories with an image each, in order. */
async function pushThree({ repository }: Trial): Promise<string[]> {
  const targets = [repository(), repository(), repository()];
  for (const target of targets) await target.pushImage('v1');
  return targets.map(({ name }) => name).sort();
}

/** `[n]` after another, so that everything is in one listing whatever else the registry holds. */
async function all(trial: Trial, query = ''): Promise<string[]> {
  const pages = await pagesFrom(trial.client, await withCatalog(trial, query));
  return pages.flatMap(repositoriesIn);
}

category('catalog', () => {
  // distribution's API document, "Listing Repositories".
  requirement('X1.1', 'MAY', 'lists every repository in the catalog', async (trial) => {
    await withCatalog(trial);
    const names = await pushThree(trial);
    const listed = await all(trial);
    expect(
      names.filter((name) => !listed.includes(name)),
      'missing from the catalog',
    ).toEqual([]);
  });

  requirement('X1.2', 'MAY', 'lists the catalog in order', async (trial) => {
    await withCatalog(trial);
    await pushThree(trial);
    const listed = await all(trial);
    expect(listed).toEqual([...listed].sort());
  });

  requirement('X1.3', 'MAY', 'pages the catalog by n and last', async (trial) => {
    await withCatalog(trial);
    const [first = '', second = '', third = ''] = await pushThree(trial);
    const page = repositoriesIn(await withCatalog(trial, `?n=1&last=${encodeURIComponent(first)}`));
    expect(page).toHaveLength(1);
    const behind = await all(trial, `?n=100&last=${encodeURIComponent(first)}`);
    expect(behind).not.toContain(first);
    expect(behind.filter((name) => name === second || name === third)).toEqual([second, third]);
  });

  requirement('X1.4', 'MAY', 'writes the Link of the catalog as an absolute path', async (trial) => {
    await withCatalog(trial);
    await pushThree(trial);
    const answer = await withCatalog(trial, '?n=1');
    if (answer.header('Link') === undefined) trial.skip('no Link although there is more');
    expectNextLink(answer);
  });

  // Listings ask for "everything": less and a Link serves them, a refusal does not.
  requirement('C44.3', 'SHOULD', 'answers a huge n with what it can', async (trial) => {
    await withCatalog(trial);
    await pushThree(trial);
    expect(repositoriesIn(await withCatalog(trial, '?n=1000000')).length).toBeGreaterThanOrEqual(3);
  });

  // Docker asks here, over the address of `docker search host/term`, and takes any answer for "standalone".
  requirement('X2.1', 'MAY', 'answers docker at /v1/_ping', async ({ client, skip }) => {
    const answer = await client.request('GET', '/v1/_ping');
    if (answer.status !== 200) skip(`no /v1/_ping (${answer.status})`);
    const standalone = answer.header('X-Docker-Registry-Standalone');
    if (standalone !== undefined) expect(standalone).toMatch(/^(true|1)$/i);
  });

  requirement('X2.2', 'MAY', 'finds a repository for docker search', async ({ client, repository, skip }) => {
    const target = repository();
    await target.pushImage('v1');
    const word = target.name.split('/').at(-1) ?? '';
    const options = { headers: { 'X-Docker-Token': 'true' }, authorization: client.basic() ?? 'none' };
    const answer = await client.request('GET', `/v1/search?q=${word}&n=25`, options);
    if (answer.status === 404) skip('no search (404)');
    expectStatus(answer, 200);
    expectHeader(answer, 'Content-Type', /^application\/json\b/);
    const found = answer.json() as { query: unknown; num_results: unknown; results: { name?: unknown }[] };
    expect(found, String(answer)).toMatchObject({ query: word, num_results: found.results.length });
    expect(found.results.map(({ name }) => name)).toContain(target.name);
    const shape = { description: '', star_count: 0, is_official: false, is_automated: false };
    for (const key of Object.keys(shape)) expect(found.results[0], `${answer}: result`).toHaveProperty(key);
  });

  // Podman searches without credentials first and believes what it gets.
  requirement(
    'X3',
    'MUST',
    'shows a private repository to nobody who searches without credentials',
    async (trial) => {
      const { client, repository, skip } = trial;
      if ((await client.challenge()) === undefined) skip('an open registry: nothing is private');
      const target = repository();
      await target.pushImage('v1');
      const anonymous = await client.request('HEAD', `/v2/${target.name}/manifests/v1`, {
        authorization: 'none',
      });
      if (anonymous.status === 200) skip('anyone may pull below the namespace');
      const answer = await client.request('GET', `/v1/search?q=${target.name.split('/').at(-1)}`, {
        authorization: 'none',
      });
      expectStatus(answer, 200, 401, 403, 404);
      expect(answer.body.toString(), `${answer}: names the repository`).not.toContain(`"${target.name}"`);
    },
  );
});
