// Makes a checkout ready to run: dependencies, bundles and, with --packages, Debian packages for the tests.
// Runs on whatever Node the machine has, so it is written for old ones.
'use strict';
const { spawnSync } = require('node:child_process');
const { existsSync, readdirSync, statSync } = require('node:fs');
const { join } = require('node:path');

const root = join(__dirname, '..');
const OLDEST_NODE = 20;

if (Number(process.versions.node.split('.')[0]) < OLDEST_NODE) {
  fail(`Node ${process.versions.node} is too old to install with; npm needs ${OLDEST_NODE} or newer`);
}
if (changedAfter(['package-lock.json'], 'node_modules/.package-lock.json')) run('npm', ['ci']);
const node = bundledNode();
if (changedAfter(['src', 'package.json', '.ci/build.mjs'], 'dist/berth.cjs')) run(node, ['.ci/build.mjs']);
if (process.argv.includes('--packages')) {
  import('./packages.mjs')
    .then(({ ensurePackages }) => ensurePackages())
    .catch((error) => fail(error.message));
}

function bundledNode() {
  const modules = join(root, 'node_modules');
  const name = readdirSync(modules).find((entry) => entry.startsWith('node-linux-'));
  const own = name && join(modules, name, 'bin', 'node');
  if (own && existsSync(own)) return own;
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 24) return process.execPath;
  return fail(
    `no Node 24 for ${process.platform}-${process.arch}: it comes as an optional dependency for Linux on x64 and ` +
      'arm64; install without --omit=optional, or put Node 24 first in PATH',
  );
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

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) fail(`${command} ${args.join(' ')} failed${error ? `: ${error.message}` : ''}`);
}

function fail(message) {
  console.error(`berth: ${message}`);
  process.exit(1);
}
