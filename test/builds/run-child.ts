// One step in a process of its own, for tests that kill it or that are somebody else: `run-child.ts ROOT TAR SCRIPT
// [shell]` prints the outcome as JSON. With `shell`, a failed step is followed by a shell on this terminal.
import { layerOf, openContainers, stepOf } from './step.js';

const [root = '', tar = '', script = '', shell] = process.argv.slice(2);
await using containers = openContainers(root);
const outcome = await containers.run({
  ...stepOf([await layerOf(tar)], script, { keepFailed: shell !== undefined }),
  onOutput: (_, chunk) => void process.stderr.write(chunk),
});
if (outcome.layer) {
  console.log(JSON.stringify(outcome));
} else {
  console.log(JSON.stringify({ exitCode: outcome.exitCode }));
  await outcome.failed?.shell();
  await outcome.failed?.[Symbol.asyncDispose]();
}
