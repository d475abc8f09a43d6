import { execFileSync } from 'node:child_process';
import { createHash, randomFillSync } from 'node:crypto';
import { closeSync, fdatasyncSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { availableParallelism, cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { median } from './results.ts';

/** What the numbers depend on besides the programs. Rates in MB/s. */
export type Machine = Readonly<{
  date: string;
  cpu: string;
  cores: number;
  memory: string;
  kernel: string;
  filesystem: string;
  node: string;
  sha256: number;
  diskWrite: number;
  versions: Readonly<Record<string, string>>;
}>;

export function describeMachine(directory: string, versions: Readonly<Record<string, string>>): Machine {
  return {
    date: new Date().toISOString().slice(0, 16).replace('T', ' '),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    kernel: release(),
    filesystem: filesystemOf(directory),
    node: process.version,
    sha256: hashRate(),
    diskWrite: diskRate(directory),
    versions,
  };
}

/** Lines of a report. */
export function machineFacts({ versions, ...machine }: Machine): string[] {
  return [
    `date: ${machine.date} UTC`,
    `CPU: ${machine.cpu}, ${machine.cores} cores; memory: ${machine.memory}`,
    `kernel: ${machine.kernel}; file system: ${machine.filesystem}`,
    `SHA-256 on one core: ${machine.sha256.toFixed(0)} MB/s; durable write to the disk: ${machine.diskWrite.toFixed(0)} MB/s`,
    `Node: ${machine.node}`,
    ...Object.entries(versions).map(([name, version]) => `${name}: ${version}`),
  ];
}

/** Type only: device names and mount points say nothing to a reader. */
function filesystemOf(directory: string): string {
  const mounts = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' '));
  const inside = mounts.filter(([, at = '/nowhere']) => `${directory}/`.startsWith(at.replace(/\/?$/, '/')));
  return inside.toSorted(([, a = ''], [, b = '']) => a.length - b.length).at(-1)?.[2] ?? 'unknown';
}

/** No push can be faster than this on one core: every byte of a blob is hashed. */
function hashRate(): number {
  const piece = randomFillSync(Buffer.allocUnsafeSlow(1024 * 1024));
  const rates = Array.from({ length: 5 }, () => {
    const hash = createHash('sha256');
    const start = performance.now();
    for (let i = 0; i < 128; i += 1) hash.update(piece);
    hash.digest();
    return (128 * piece.length) / 1e3 / (performance.now() - start);
  });
  return median(rates);
}

/** 256 MiB written and made durable: the other limit of a push. */
function diskRate(directory: string): number {
  const piece = randomFillSync(Buffer.allocUnsafeSlow(1024 * 1024));
  const file = path.join(directory, 'disk-rate');
  const rates = Array.from({ length: 3 }, () => {
    execFileSync('sync', ['-f', directory]);
    const descriptor = openSync(file, 'w');
    const start = performance.now();
    for (let i = 0; i < 256; i += 1) writeSync(descriptor, piece);
    fdatasyncSync(descriptor);
    const rate = (256 * piece.length) / 1e3 / (performance.now() - start);
    closeSync(descriptor);
    rmSync(file);
    return rate;
  });
  return median(rates);
}
