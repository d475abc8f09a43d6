import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type BuildProgress, JsonBuildProgress, PlainBuildProgress } from '../../src/cli/build-progress.js';
import { TerminalBuildProgress } from '../../src/cli/build-progress-terminal.js';
import { type Digest, MEDIA_TYPES } from '../../src/oci/index.js';

it('shows names of steps and failures without control characters, and output as it is', () => {
  const written: string[] = [];
  const progress = new PlainBuildProgress({ write: (text) => written.push(text) });
  const step = progress.begin('[1/1] COPY \x1b]0;title\x07 \\\n  b');
  step.output('stdout', Buffer.from('\x1b[32mgreen\x1b[0m\n'));
  step.failed(new Error('no \x1b[31mfile'));
  progress.warn('\x9b2J is left out');
  expect(written.join('').replace(/\d+\.\d+/g, 'N')).toBe(
    '#1 [1/1] COPY ?]0;title? \\ b\n#1 N \x1b[32mgreen\x1b[0m\n#1 ERROR: no ?[31mfile\n\nwarning: ?2J is left out\n',
  );
});

describe('a base image on its way', () => {
  const digest = `sha256:${'ab'.repeat(32)}` as Digest;
  const descriptor = { mediaType: MEDIA_TYPES.ociLayerGzip, digest, size: 4_000_000 };

  async function show(open: (stream: { write(text: string): unknown }) => BuildProgress): Promise<string> {
    const written: string[] = [];
    using progress = open({ write: (text) => written.push(text) });
    const step = progress.begin('FROM base');
    step.transfer({ kind: 'begin', descriptor });
    step.transfer({ kind: 'bytes', descriptor, bytes: 1_000_000 });
    await sleep(250); // for a frame
    step.transfer({ kind: 'bytes', descriptor, bytes: 3_000_000 });
    step.transfer({ kind: 'end', descriptor, outcome: 'sent' });
    step.done();
    return written.join('');
  }

  it('is a line for each layer in logs', async () =>
    expect(await show((stream) => new PlainBuildProgress(stream))).toMatch(
      /^#1 FROM base\n#1 abababababab {2}4MB {2}done\n#1 DONE \d\.\ds\n/,
    ));

  it('is a bar on a terminal', async () =>
    expect(await show((stream) => new TerminalBuildProgress(stream))).toMatch(
      /=> => abababababab \[=====> {18}\] 1MB\/4MB {2}/,
    ));

  it('is an event for programs', async () => {
    const lines = (await show((stream) => new JsonBuildProgress(stream))).trim().split('\n');
    const told = lines.map((line) => JSON.parse(line)).filter(({ event }) => event === 'transfer');
    const part = { id: 1, digest, total: 4_000_000 };
    expect(told).toMatchObject([
      { ...part, kind: 'begin' },
      { ...part, kind: 'bytes', current: 1_000_000 },
      { ...part, kind: 'bytes', current: 4_000_000 },
      { ...part, kind: 'end', outcome: 'sent' },
    ]);
  });
});
