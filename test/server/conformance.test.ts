import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BerthProcess } from '../support/berth-process.js';
import { writeHtpasswd } from '../support/htpasswd.js';
import { createAuthority } from '../support/private-authority.js';
import { run } from '../support/run.js';
import { createBucket, onBucket } from '../support/s3.js';
import { temporaryFolder } from '../support/temporary-folder.js';

const SUITE = new URL('../../conformance/', import.meta.url).pathname;
/** A suite that takes so long hangs. */
const HANGS_MS = 280_000;

describe('the conformance suite', () => {
  it('finds nothing against Berth', async () => {
    await using berth = await BerthProcess.start();
    expect(await failures(['--url', berth.url])).toEqual([]);
  });

  it('finds nothing against Berth with TLS and passwords', async () => {
    await using folder = await temporaryFolder();
    const { tls, caFile } = await createAuthority(join(folder.path, 'tls'), ['127.0.0.1']);
    const path = join(folder.path, 'htpasswd');
    await writeHtpasswd(path, { alice: 'secret' });
    const auth = { htpasswd: { realm: 'test', path } };
    await using berth = await BerthProcess.start({ tls: true, config: { auth, http: { tls } } });
    const login = ['--username', 'alice', '--password', 'secret', '--ca', caFile];
    expect(await failures(['--url', berth.url, ...login])).toEqual([]);
  });

  it('finds nothing against Berth with tokens', async () => {
    await using folder = await temporaryFolder();
    const path = join(folder.path, 'htpasswd');
    await writeHtpasswd(path, { alice: 'secret' });
    const auth = { htpasswd: { realm: 'test', path } };
    const everything = { push: ['alice'], delete: ['alice'] };
    const access = [{ repositories: 'conformance/**', pull: ['anonymous'], ...everything }];
    const warnings = [{ repositories: 'conformance/**', text: 'a "test" of C:\\\\berth' }];
    await using berth = await BerthProcess.start({
      config: { auth, http: { secret: 'of the test' }, berth: { access, warnings } },
    });
    const login = ['--username', 'alice', '--password', 'secret'];
    expect(await failures(['--url', berth.url, ...login])).toEqual([]);
  });

  it('finds nothing against Berth on S3', async () => {
    const bucket = await createBucket();
    await using berth = await BerthProcess.start(
      onBucket(bucket, { storage: { redirect: { disable: true } } }),
    );
    expect(await failures(['--url', berth.url])).toEqual([]);
    bucket.client.destroy();
  });

  it('finds exactly what it should against docker-registry', async () => {
    await run([process.execPath, join(SUITE, 'self-check.ts')], { timeoutMs: HANGS_MS });
  });
});

/** @returns the requirements that failed, with what the suite says of them. */
async function failures(args: readonly string[]): Promise<unknown[]> {
  await using report = await temporaryFolder();
  const options = [...args, '--report', report.path, '--allow-failures'];
  await run([process.execPath, join(SUITE, 'run.ts'), ...options], { timeoutMs: HANGS_MS });
  const { results } = JSON.parse(await readFile(join(report.path, 'results.json'), 'utf8'));
  expect(results.length).toBeGreaterThan(200);
  return results.filter(({ status }: { status: string }) => status === 'fail');
}
