import path from 'node:path';
import type { Sample } from '../measure.ts';
import type { Builder } from './builders.ts';
import {
  editSmallFile,
  type Nonce,
  type Sizes,
  writeBigFile,
  writeIgnored,
  writeRuns,
  writeSmallFiles,
  writeSteps,
} from './contexts.ts';

/** What Berth wants: to be so many times faster than BuildKit, beside being the first. */
export type Target = Readonly<{ overBuildKit?: number; belowSeconds?: number }>;

export type Row = Readonly<{ id: string; title: string; target: Target }>;

/** What one round gives: a sample for each of its rows. */
export type Round = ReadonlyMap<string, Sample>;

/** Rows that are measured one after the other on the same context. */
export type Group = Readonly<{
  id: string;
  rows: readonly Row[];
  /** One round with a builder, on a context that nobody has seen. */
  measure(builder: Builder, at: Place, nonce: Nonce): Promise<Round>;
}>;

/** `directory` for contexts of this builder; `registry` to push to. */
export type Place = Readonly<{ directory: string; registry: string; sizes: Sizes }>;

const FIRST: Target = {};

export function groupsFor({
  smallFiles,
  smallFileBytes,
  bigFileBytes,
  ignoredFiles,
}: Sizes): readonly Group[] {
  const many = `COPY of ${count(smallFiles)} × ${smallFileBytes / 1024} KiB`;
  const big = `COPY of one file of ${bigFileBytes / 2 ** 20} MiB`;
  const ignored = `${count(ignoredFiles)} files ignored, one used`;
  return [
    {
      id: 'steps',
      rows: [
        { id: 'steps-cold', title: '10 steps, 4 of them RUN: cold', target: FIRST },
        { id: 'steps-cached', title: '10 steps, all cached', target: { belowSeconds: 0.08 } },
      ],
      measure: async (builder, at, nonce) => {
        const context = contextOf(at, 'steps');
        writeSteps(context, nonce);
        const cold = await build(builder, at, context, nonce, 'none');
        return new Map([
          ['steps-cold', cold],
          ['steps-cached', await build(builder, at, context, nonce, 'none')],
        ]);
      },
    },
    runs('runs-none', 'FROM and 5 RUN, without network: cold', 'none'),
    runs('runs-default', 'FROM and 5 RUN, default network: cold'),
    {
      id: 'files',
      rows: [
        { id: 'files-cold', title: `${many}: cold`, target: { overBuildKit: 5 } },
        { id: 'files-edited', title: `${many}: one edited`, target: { overBuildKit: 5 } },
        { id: 'files-cached', title: `${many}: unchanged`, target: FIRST },
        { id: 'files-push', title: `${many}: push of the result`, target: FIRST },
      ],
      measure: async (builder, at, nonce) => {
        const context = contextOf(at, 'files');
        writeSmallFiles(context, nonce, at.sizes);
        const cold = await build(builder, at, context, nonce);
        editSmallFile(context, nonce, at.sizes);
        const edited = await build(builder, at, context, nonce);
        const cached = await build(builder, at, context, nonce);
        const pushed = await builder.push(tagOf(at, nonce));
        return new Map([
          ['files-cold', cold],
          ['files-edited', edited],
          ['files-cached', cached],
          ['files-push', pushed],
        ]);
      },
    },
    {
      id: 'big',
      rows: [
        { id: 'big-cold', title: `${big}: cold`, target: { overBuildKit: 2.5 } },
        { id: 'big-cached', title: `${big}: unchanged`, target: FIRST },
        { id: 'big-push', title: `${big}: push of the result`, target: FIRST },
      ],
      measure: async (builder, at, nonce) => {
        const context = contextOf(at, 'big');
        writeBigFile(context, nonce, at.sizes);
        const cold = await build(builder, at, context, nonce);
        const cached = await build(builder, at, context, nonce);
        const pushed = await builder.push(tagOf(at, nonce));
        return new Map([
          ['big-cold', cold],
          ['big-cached', cached],
          ['big-push', pushed],
        ]);
      },
    },
    {
      id: 'ignored',
      rows: [
        { id: 'ignored-cold', title: `${ignored}: cold`, target: FIRST },
        { id: 'ignored-cached', title: `${ignored}: unchanged`, target: FIRST },
      ],
      measure: async (builder, at, nonce) => {
        const context = contextOf(at, 'ignored');
        writeIgnored(context, nonce, at.sizes);
        const cold = await build(builder, at, context, nonce);
        return new Map([
          ['ignored-cold', cold],
          ['ignored-cached', await build(builder, at, context, nonce)],
        ]);
      },
    },
  ];
}

function runs(id: string, title: string, network?: 'none'): Group {
  return {
    id,
    rows: [{ id, title, target: FIRST }],
    measure: async (builder, at, nonce) => {
      const context = contextOf(at, id);
      writeRuns(context, nonce);
      return new Map([[id, await build(builder, at, context, nonce, network)]]);
    },
  };
}

function build(
  builder: Builder,
  at: Place,
  context: string,
  nonce: Nonce,
  network?: 'none',
): Promise<Sample> {
  return builder.build({ context, tag: tagOf(at, nonce), ...(network === undefined ? {} : { network }) });
}

function contextOf({ directory }: Place, name: string): string {
  return path.join(directory, name);
}

function tagOf({ registry }: Place, nonce: Nonce): string {
  return `${registry}/bench/app:${nonce}`;
}

function count(files: number): string {
  return files.toLocaleString('en-US');
}
