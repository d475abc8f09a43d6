import { mkdirSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Which build contexts there are. Sizes in bytes. */
export type Sizes = Readonly<{
  smallFiles: number;
  smallFileBytes: number;
  bigFileBytes: number;
  ignoredFiles: number;
}>;

/** What makes a context like no other, so that no builder has seen any of it before. */
export type Nonce = string;

/** Ten steps, four of them RUN. */
export function writeSteps(directory: string, nonce: Nonce): void {
  fresh(directory);
  writeFileSync(path.join(directory, 'app.txt'), nonce);
  writeFileSync(
    path.join(directory, 'Dockerfile'),
    dockerfile([
      'WORKDIR /app',
      `ENV NONCE=${nonce}`,
      'COPY app.txt /app/app.txt',
      'RUN echo one > /app/one',
      'RUN echo two > /app/two',
      'LABEL step=seven',
      'RUN mkdir -p /srv/data && echo three > /srv/data/three',
      'COPY app.txt /srv/app.txt',
      'RUN cat /app/one /app/two > /app/all',
      'CMD ["/bin/sh"]',
    ]),
  );
}

/** Five RUN steps and nothing else. */
export function writeRuns(directory: string, nonce: Nonce): void {
  fresh(directory);
  const runs = Array.from({ length: 5 }, (_, i) => `RUN echo ${nonce} ${i} > /run-${i}`);
  writeFileSync(path.join(directory, 'Dockerfile'), dockerfile(runs));
}

/** Many small files in directories of a hundred, all copied. */
export function writeSmallFiles(
  directory: string,
  nonce: Nonce,
  { smallFiles, smallFileBytes }: Sizes,
): void {
  fresh(directory);
  for (let i = 0; i < smallFiles; i += 1) {
    const parent = path.join(directory, 'files', `d${Math.floor(i / 100)}`);
    if (i % 100 === 0) mkdirSync(parent, { recursive: true });
    writeFileSync(path.join(parent, `f${i}`), textOf(`${nonce} ${i} `, smallFileBytes));
  }
  writeFileSync(path.join(directory, 'Dockerfile'), dockerfile(['COPY files /files']));
}

/** Changes one of the small files, as an editor would. */
export function editSmallFile(directory: string, nonce: Nonce, { smallFiles, smallFileBytes }: Sizes): void {
  const i = Math.floor(smallFiles / 2);
  const file = path.join(directory, 'files', `d${Math.floor(i / 100)}`, `f${i}`);
  const { mtimeMs } = statSync(file);
  writeFileSync(file, textOf(`${nonce} edited `, smallFileBytes));
  utimesSync(file, new Date(), new Date(mtimeMs + 5000)); // BuildKit goes by size and time alone
}

/** One large file that does not compress, as a model or an archive would not. */
export function writeBigFile(directory: string, nonce: Nonce, { bigFileBytes }: Sizes): void {
  fresh(directory);
  writeFileSync(path.join(directory, 'big.bin'), noiseOf(nonce, bigFileBytes));
  writeFileSync(path.join(directory, 'Dockerfile'), dockerfile(['COPY big.bin /big.bin']));
}

/** A context of which an ignore file leaves one file. */
export function writeIgnored(directory: string, nonce: Nonce, { ignoredFiles }: Sizes): void {
  const modules = path.join(directory, 'node_modules');
  if (statSync(modules, { throwIfNoEntry: false }) === undefined) {
    fresh(directory);
    for (let i = 0; i < ignoredFiles; i += 1) {
      const parent = path.join(modules, `m${Math.floor(i / 100)}`);
      if (i % 100 === 0) mkdirSync(parent, { recursive: true });
      writeFileSync(path.join(parent, `f${i}.js`), 'x');
    }
    writeFileSync(path.join(directory, '.dockerignore'), 'node_modules\n');
    writeFileSync(path.join(directory, 'Dockerfile'), dockerfile(['COPY . /app']));
  }
  writeFileSync(path.join(directory, 'used.txt'), nonce);
}

function fresh(directory: string): void {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
}

/** The name that every builder has its base under. */
export const BASE = 'berth-bench-base:latest';

function dockerfile(steps: readonly string[]): string {
  return `${[`FROM ${BASE}`, ...steps].join('\n')}\n`;
}

function textOf(start: string, bytes: number): string {
  return start.repeat(Math.ceil(bytes / start.length)).slice(0, bytes);
}

/** Bytes of a xorshift generator: the same for a nonce, and not compressible. */
function noiseOf(nonce: Nonce, bytes: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(bytes / 4));
  let state = [...nonce].reduce((sum, letter) => (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0, 7) || 1;
  for (let i = 0; i < words.length; i += 1) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    words[i] = state;
  }
  return new Uint8Array(words.buffer, 0, bytes);
}
