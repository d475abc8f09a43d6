import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * Checks the suite itself: against a registry whose faults are known it has to find exactly those. Exit code 0 it does,
 * 1 it does not, 2 there is no such registry on this machine (Debian's package is called docker-registry).
 */
const HERE = import.meta.dirname;
const KNOWN = path.join(HERE, 'known', 'docker-registry-2.8.2.json');
const START_WITHIN_MS = 10_000;

async function main(): Promise<number> {
  const folder = await mkdtemp(path.join(tmpdir(), 'conformance-'));
  const url = `http://127.0.0.1:${await freePort()}`;
  const registry = await startRegistry(folder, url);
  try {
    await reachable(url, registry);
    const options = ['--url', url, '--expect', KNOWN, '--report', path.join(HERE, 'report')];
    const run = spawn(process.execPath, [path.join(HERE, 'run.ts'), ...options], { stdio: 'inherit' });
    const [code] = (await once(run, 'exit')) as [number | null];
    return code ?? 1;
  } finally {
    registry.kill();
    await rm(folder, { recursive: true, force: true });
  }
}

async function startRegistry(folder: string, url: string): Promise<ChildProcess> {
  const config = {
    version: '0.1',
    log: { level: 'error', accesslog: { disabled: true } },
    storage: { filesystem: { rootdirectory: path.join(folder, 'data') }, delete: { enabled: true } },
    http: { addr: new URL(url).host },
  };
  const file = path.join(folder, 'config.yml');
  await writeFile(file, JSON.stringify(config)); // JSON is YAML too
  // It logs every request that fails, and most of ours are meant to.
  const registry = spawn('docker-registry', ['serve', file], { stdio: 'ignore' });
  await once(registry, 'spawn');
  return registry;
}

async function reachable(url: string, registry: ChildProcess): Promise<void> {
  const deadline = Date.now() + START_WITHIN_MS;
  while (Date.now() < deadline && registry.exitCode === null) {
    const answer = await fetch(`${url}/v2/`).catch(() => undefined);
    if (answer?.ok) return;
    await sleep(100);
  }
  throw new Error(`docker-registry did not start at ${url}`);
}

/** Free now; nobody else is expected to take it in the next moment. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('no port to listen on');
  return address.port;
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(
    `conformance: cannot check the suite: ${error instanceof Error ? error.message : error}\n`,
  );
  process.exitCode = 2;
}
