import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeBusyboxRoot } from '../support/busybox-root.js';
import { type TemporaryFolder, temporaryFolder } from '../support/temporary-folder.js';
import { ACCEPTED, type Step } from './scenario/chapter.js';
import { CHAPTERS } from './scenario/chapters.js';
import { comparable } from './scenario/outcome.js';
import { ScenarioSide } from './scenario/side.js';

let folder: TemporaryFolder;
let docker: ScenarioSide;
let berth: ScenarioSide;

beforeAll(async () => {
  folder = await temporaryFolder('scenario');
  const tar = await writeBusyboxRoot(folder.path);
  [docker, berth] = await Promise.all([ScenarioSide.start('docker'), ScenarioSide.start('berth')]);
  // One image for both, so that its id is one too.
  const archive = `${folder.path}/box.tar`;
  await docker.run(`docker import -c 'CMD ["sh"]' ${tar} box && docker save -o ${archive} box`);
  await berth.run(`docker load -i ${archive}`);
});

afterAll(async () => {
  await Promise.all([docker?.[Symbol.asyncDispose](), berth?.[Symbol.asyncDispose]()]);
  await folder?.[Symbol.asyncDispose]();
});

describe('the client of docker, on its own daemon and on berth engine', () => {
  it.each(CHAPTERS)('says and does the same: $title', async ({ steps }) => {
    const [theirs, ours] = await Promise.all([transcript(docker, steps), transcript(berth, steps)]);
    expect(ours).toEqual(theirs);
    // It is not only failures that are alike.
    const told = theirs.filter(({ code, stdout }) => code === 0 && stdout.some((line) => line !== ''));
    expect(told.length).toBeGreaterThan(steps.length / 3);
  });
});

/** What each line said and did, one after the other. */
async function transcript(side: ScenarioSide, steps: readonly Step[]) {
  const lines = [];
  for (const step of steps) {
    const { line, accepted } = typeof step === 'string' ? { line: step, accepted: [] } : step;
    lines.push({ line, ...comparable(await side.run(line), [...ACCEPTED, ...accepted]) });
  }
  return lines;
}
