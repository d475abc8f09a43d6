// Makes a checkout ready to run: dependencies, bundles and, with --packages, Debian packages for the tests.
// Runs on whatever Node the machine has, so it is written for old ones.
'use strict';
const { spawnSync } = require('node:child_process');
const {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
} = require('node:fs');
const { tmpdir } = require('node:os');
const { delimiter, dirname, join, relative } = require('node:path');

const root = join(__dirname, '..');
const OLDEST_NODE = [20, 19]; // npm leaves out what it takes to be too new for an older one

const [major, minor] = process.versions.node.split('.').map(Number);
const isOld = major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1]);
if (changedAfter(['package-lock.json'], 'node_modules/.package-lock.json')) {
  if (isOld) installOnNewNode();
  else run('npm', ['ci']);
}
const node = bundledNode();
linkNode();
if (changedAfter(['src', 'package.json', '.ci/build.mjs', '.ci/start-up.mjs'], 'dist/berth.cjs'))
  run(node, ['.ci/build.mjs']);
if (process.argv.includes('--packages')) {
  import('./packages.mjs')
    .then(({ ensurePackages }) => ensurePackages())
    .catch((error) => fail(error.message));
}

/** First only our own Node, which is then put aside to run npm on. */
function installOnNewNode() {
  const npm = process.env.npm_execpath;
  if (!npm) return fail('run this by npm start or npm test');
  run('npm', ['ci', '--omit=dev', '--ignore-scripts']);
  const aside = mkdtempSync(join(tmpdir(), 'berth-node-'));
  try {
    copyFileSync(bundledNode(), join(aside, 'node'));
    const PATH = [aside, process.env.PATH].join(delimiter);
    // Debian's npm has its modules beside it, where only Debian's Node looks by itself.
    const NODE_PATH = [dirname(dirname(dirname(npm))), process.env.NODE_PATH].filter(Boolean).join(delimiter);
    run(join(aside, 'node'), [npm, 'ci'], { ...process.env, PATH, NODE_PATH });
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
}

function bundledNode() {
  const modules = join(root, 'node_modules');
  const name = readdirSync(modules).find((entry) => entry.startsWith('node-linux-'));
  const own = name && join(modules, name, 'bin', 'node');
  if (own && existsSync(own)) return own;
  if (major >= 24) return process.execPath;
  return fail(
    `no Node 24 for ${process.platform}-${process.arch}: it comes as an optional dependency for Linux on x64 and ` +
      'arm64; install without --omit=optional, or put Node 24 first in PATH',
  );
}

/** Scripts of package.json run on it. npm before 11 forgets this link when it leaves out the Node of other machines. */
function linkNode() {
  const link = join(root, 'node_modules', '.bin', 'node');
  if (node === process.execPath || existsSync(link)) return;
  mkdirSync(join(link, '..'), { recursive: true });
  symlinkSync(relative(join(link, '..'), node), link);
}

/** Whether any of the sources is newer than what was made of them, or that is missing. */
function changedAfter(sources, made) {
  const target = join(root, made);
  if (!existsSync(target)) return true;
  const time = statSync(target).mtimeMs;
  return sources.some((source) => newestOf(join(root, source)) > time);
}

function newestOf(path) {
  const info = statSync(path);
  if (!info.isDirectory()) return info.mtimeMs;
  return Math.max(0, ...readdirSync(path).map((name) => newestOf(join(path, name))));
}

function run(command, args, env = process.env) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', env });
  if (status !== 0) fail(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

function fail(message) {
  console.error(`berth: ${message}`);
  process.exit(1);
}
