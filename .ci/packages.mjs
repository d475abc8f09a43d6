// The Debian packages that tests and benchmarks drive real programs of, and how to get them. `node .ci/packages.mjs`
// installs what is missing. Written for old Node: it runs before anything else is there.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/**
 * A package counts as there when it is installed or, where `programs` are given, when those are in the path: somebody
 * may have docker from elsewhere. Of several names the first that apt knows is installed.
 */
const NEEDS = [
  { names: ['aardvark-dns'] }, // with netavark the networks of containers; neither is in the path
  { names: ['apache2-utils'], programs: ['htpasswd'] },
  { names: ['buildah'], programs: ['buildah'] },
  { names: ['busybox-static'] }, // the base of test images; the busybox of other packages is not static
  { names: ['bzip2'], programs: ['bzip2'] },
  { names: ['ca-certificates'] },
  // An S3 service: monitor, store, gateway, and what sets them up.
  { names: ['ceph-common'], programs: ['ceph'] },
  { names: ['ceph-mon'], programs: ['ceph-mon', 'monmaptool'] },
  { names: ['ceph-osd'], programs: ['ceph-osd'] },
  { names: ['conmon'], programs: ['conmon'] },
  { names: ['containerd'], programs: ['containerd'] },
  { names: ['curl'], programs: ['curl'] },
  { names: ['docker-cli', 'docker.io'], programs: ['docker'] }, // a package of its own since Debian 13
  { names: ['docker.io'], programs: ['dockerd'] },
  { names: ['docker-compose'], programs: ['docker-compose'] },
  { names: ['docker-registry'], programs: ['docker-registry'] },
  { names: ['fish'], programs: ['fish'] },
  { names: ['fuse-overlayfs'], programs: ['fuse-overlayfs'] }, // layers, where an ordinary user's kernel joins none
  { names: ['git'], programs: ['git'] },
  { names: ['golang-github-containers-common'] }, // the policy.json without which skopeo and podman refuse to work
  { names: ['haproxy'], programs: ['haproxy'] },
  { names: ['iproute2'], programs: ['ip'] },
  { names: ['iptables'], programs: ['iptables'] },
  { names: ['libnss3-tools'], programs: ['certutil'] }, // what makes browsers trust a certificate
  { names: ['netavark'] },
  { names: ['nginx'], programs: ['nginx'] },
  { names: ['openssh-client'], programs: ['ssh-agent', 'ssh-add', 'ssh-keygen'] },
  { names: ['openssl'], programs: ['openssl'] },
  { names: ['podman'], programs: ['podman'] },
  { names: ['postgresql'] }, // its programs are not in the path
  { names: ['radosgw'], programs: ['radosgw', 'radosgw-admin'] },
  { names: ['rpm'], programs: ['rpm', 'rpmbuild'] },
  { names: ['runc'], programs: ['runc'] },
  { names: ['skopeo'], programs: ['skopeo'] },
  { names: ['slirp4netns'], programs: ['slirp4netns'] },
  { names: ['uidmap'], programs: ['newuidmap', 'newgidmap'] },
  { names: ['systemd'], programs: ['journalctl'] }, // run --log-driver journald; it is not started
  { names: ['tini'], programs: ['tini-static'] }, // run --init
  { names: ['tmux'], programs: ['tmux'] },
  { names: ['umoci'], programs: ['umoci'] },
  { names: ['util-linux'], programs: ['nsenter', 'unshare'] },
  { names: ['wrk'], programs: ['wrk'] },
  { names: ['xz-utils'], programs: ['xz'] },
  { names: ['zsh'], programs: ['zsh'] },
];

const POLICY = '/usr/sbin/policy-rc.d';
const APT_OPTIONS = ['-q', '-y', '-o', 'DPkg::Lock::Timeout=600'];
const INSTALL = ['install', '--no-install-recommends'];

/**
 * Installs the packages that are missing, without starting their services.
 * @returns {void}
 * @throws {Error} naming them, when they cannot be installed from here.
 */
export function ensurePackages() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  if (findProgram('apt-get') === undefined) throw unavailable(missing, 'there is no apt-get here');
  const root = rightsOfRoot();
  if (root === undefined) throw unavailable(missing, 'installing needs root, or sudo without a password');
  console.error(`berth: installing ${missing.map(({ names }) => names[0]).join(', ')}`);
  withoutServices(root, () => install(missing, root));
  const still = missingPackages();
  if (still.length > 0) throw unavailable(still, 'apt-get has left them out');
}

function install(missing, root) {
  if (chosen(missing).some((name) => name === undefined)) apt(root, ['update'], missing);
  const names = [...new Set(chosen(missing).map((name, at) => name ?? missing[at].names[0]))];
  // Lists that are not new may name versions that are gone from the mirror.
  if (aptStatus(root, [...INSTALL, ...names]) === 0) return;
  apt(root, ['update'], missing);
  apt(root, [...INSTALL, ...names], missing);
}

function missingPackages() {
  const installed = installedPackages();
  return NEEDS.filter(({ names, programs }) => {
    if (programs) return !programs.every((program) => findProgram(program));
    return !names.some((name) => installed.has(name));
  });
}

function installedPackages() {
  const format = `\${db:Status-Abbrev} \${Package}\n`;
  const lines = outputOf(['dpkg-query', '-W', '-f', format])
    .split('\n')
    .map((line) => line.trim().split(/\s+/));
  return new Set(lines.filter(([status]) => status === 'ii').map(([, name]) => name));
}

/** For each need the name that apt can install, or undefined where it knows none. */
function chosen(needs) {
  const names = needs.flatMap((need) => need.names);
  const policy = outputOf(['apt-cache', 'policy', ...names]);
  const known = new Set();
  for (const [, name, candidate] of policy.matchAll(/^(\S+):\n.*\n\s+Candidate: (.*)$/gm)) {
    if (candidate !== '(none)') known.add(name);
  }
  return needs.map((need) => need.names.find((name) => known.has(name)));
}

/** What a program prints, in English; nothing where there is no such program. */
function outputOf([program, ...args]) {
  const env = { ...process.env, LC_ALL: 'C' };
  return spawnSync(program, args, { encoding: 'utf8', env, maxBuffer: 2 ** 26 }).stdout ?? '';
}

function apt(root, args, missing) {
  const status = aptStatus(root, args);
  if (status !== 0) throw unavailable(missing, `apt-get ${args[0]} failed with exit code ${status}`);
}

function aptStatus(root, args) {
  const command = [...root, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...APT_OPTIONS, ...args];
  // What apt says goes to stderr, so that a benchmark's own output stays clean.
  return spawnSync(command[0], command.slice(1), { stdio: ['ignore', 2, 2] }).status;
}

/** Debian starts the services of a package as it is installed, unless this file says no. */
function withoutServices(root, action) {
  if (existsSync(POLICY)) return action(); // somebody has decided already
  const folder = mkdtempSync(join(tmpdir(), 'berth-packages-'));
  const policy = join(folder, 'policy-rc.d');
  writeFileSync(policy, '#!/bin/sh\nexit 101\n');
  const wait = () => {}; // Ctrl-C ends apt-get; the policy has to go away first
  process.on('SIGINT', wait).on('SIGTERM', wait);
  try {
    must([...root, 'install', '-m', '755', policy, POLICY]);
    return action();
  } finally {
    must([...root, 'rm', '-f', POLICY]);
    rmSync(folder, { recursive: true });
    process.off('SIGINT', wait).off('SIGTERM', wait);
  }
}

function must([program, ...args]) {
  const { status, stderr, error } = spawnSync(program, args, { encoding: 'utf8' });
  if (status !== 0)
    throw new Error(`${program} ${args.join(' ')} failed: ${error?.message ?? stderr.trim()}`);
}

/** What to write before a command so that it runs as root; undefined when nothing does. */
function rightsOfRoot() {
  if (process.getuid?.() === 0) return [];
  return spawnSync('sudo', ['-n', 'true'], { stdio: 'ignore' }).status === 0 ? ['sudo', '-n'] : undefined;
}

function findProgram(name) {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function unavailable(missing, reason) {
  const names = [...new Set(missing.map((need) => need.names.at(-1)))].join(' ');
  return new Error(
    `Debian packages are missing: ${names} (${reason}). ` +
      `Install them with: sudo apt-get update && sudo apt-get ${INSTALL.join(' ')} ${names}`,
  );
}

if (process.argv[1] === new URL(import.meta.url).pathname) {
  try {
    ensurePackages();
  } catch (error) {
    console.error(`berth: ${error.message}`);
    process.exitCode = 1;
  }
}
