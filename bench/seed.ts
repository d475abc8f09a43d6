import type { SeededContent, Side } from './bench.ts';
import type { ClientProcess } from './client-process.ts';
import { repositoryName, TAGS_REPOSITORY, tagName } from './fixtures.ts';
import { MANIFEST_TYPE, manifestBytes } from './requests.ts';
import { IMAGE_REPOSITORY, IMAGE_TAG } from './rows.ts';
import type { Scale } from './scale.ts';

/** Pushes what the rows of pulls and manifests read, and pulls it once to see that every byte is right. */
export async function seed(client: ClientProcess, side: Side, scale: Scale): Promise<SeededContent> {
  const port = portOf(side);
  const repository = IMAGE_REPOSITORY;
  const pushed = async (bytes: number, count: number) => {
    const { digests } = await client.ask({
      kind: 'push',
      port,
      repository,
      way: 'patch',
      bytes,
      count,
      clients: 1,
    });
    await client.ask({ kind: 'pull', port, repository, digests, clients: 1, mode: 'each', verify: true });
    return digests;
  };
  const big = await pushed(scale.bigBytes, 1);
  const small = await pushed(scale.smallBytes, scale.smallCount);
  const config = {
    mediaType: 'application/vnd.oci.image.config.v1+json',
    digest: small[0] ?? '',
    size: scale.smallBytes,
  };
  const layer = {
    mediaType: 'application/vnd.oci.image.layer.v1.tar',
    digest: small[1] ?? '',
    size: scale.smallBytes,
  };
  const answer = await fetch(`http://127.0.0.1:${port}/v2/${repository}/manifests/${IMAGE_TAG}`, {
    method: 'PUT',
    headers: { 'Content-Type': MANIFEST_TYPE },
    body: new Uint8Array(manifestBytes(config, Array(12).fill(layer))),
  });
  if (answer.status !== 201) throw new Error(`${side.program.name} refused the manifest: ${answer.status}`);
  return { big, small, config, layer };
}

/** @throws {Error} a side does not list what was put into its store: its speed would mean nothing. */
export async function verifyFixtures(side: Side, { fixtures: { repositories, tags } }: Scale): Promise<void> {
  const at = (path: string) => list(side, path);
  const names = (start: number) => Array.from({ length: 100 }, (_, i) => repositoryName(start + i));
  const [first, middle, all] = await Promise.all([
    at(`/v2/_catalog?n=100&last=${encodeURIComponent(repositoryName(99))}`),
    at(`/v2/_catalog?n=100&last=${encodeURIComponent(repositoryName(repositories / 2 - 1))}`),
    at(`/v2/${TAGS_REPOSITORY}/tags/list`),
  ]);
  expectList(side, 'repositories', first, names(100));
  expectList(side, 'repositories in the middle', middle, names(repositories / 2));
  const tagged = Array.from({ length: tags }, (_, i) => tagName(i));
  expectList(side, 'tags', all.toSorted(), tagged); // the reference does not sort them
}

async function list(side: Side, path: string): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${portOf(side)}${path}`);
  const body = (await answer.json()) as { repositories?: string[]; tags?: string[] };
  return body.repositories ?? body.tags ?? [];
}

function expectList(side: Side, what: string, actual: readonly string[], expected: readonly string[]): void {
  if (actual.join() === expected.join()) return;
  const shown = (names: readonly string[]) => `${names.length}: ${names.slice(0, 3).join(', ')}`;
  throw new Error(
    `${side.program.name} lists other ${what} than its store holds: ${shown(actual)}, not ${shown(expected)}`,
  );
}

function portOf({ server, program }: Side): number {
  if (server === undefined) throw new Error(`${program.name} is not running`);
  return server.port;
}
