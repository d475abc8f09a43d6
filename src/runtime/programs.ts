import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { lastWords, RuntimeError, RuntimeUnavailableError } from './errors.js';

/** Where root's programs lie; the path of ordinary users often leaves these out. */
const SYSTEM_PATH = ['/usr/local/sbin', '/usr/sbin', '/sbin', '/usr/local/bin', '/usr/bin', '/bin'];

/** @returns where it lies, in PATH or where programs usually are. */
export function findProgram(name: string, path = process.env.PATH ?? ''): string | undefined {
  return foldersOf(path)
    .map((folder) => join(folder, name))
    .find(isProgram);
}

function foldersOf(path: string): string[] {
  return [...path.split(':').filter((folder) => folder.startsWith('/')), ...SYSTEM_PATH];
}

/** So that what a program starts itself, as netavark does with iptables, is found where {@link findProgram} looks. */
function environment({ PATH = '', ...others }: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...others, PATH: [...new Set(foldersOf(PATH))].join(':') };
}

/**
 * For what cannot be done without it.
 * @param need `package` has it, by Debian's name; `for` is what needs it, as in "perl is needed for terminals".
 * @returns where it lies. @throws {RuntimeUnavailableError} it is not installed.
 */
export function requiredProgram(name: string, need: Readonly<{ package: string; for: string }>): string {
  const path = findProgram(name);
  if (path !== undefined) return path;
  throw new RuntimeUnavailableError(
    `${name} is needed for ${need.for}, and is not installed: install the package ${need.package}`,
  );
}

/** Of Perl, which is on every Debian and does the small things that Node cannot. */
export function requiredPerl(purpose: string): string {
  return requiredProgram('perl', { package: 'perl-base or perl', for: purpose });
}

/**
 * As spawn(), with all folders of programs in PATH. Where this process can open no more files that makes something without
 * streams, whose failure nobody has had the time to listen for, and which would be the end of this process.
 * @throws {RuntimeError} just then.
 */
export const startProgram = ((program: string, args: readonly string[], options: SpawnOptions) => {
  const child: Partial<ChildProcess> & Pick<ChildProcess, 'once'> = spawn(program, args, {
    ...options,
    env: environment(options.env ?? process.env),
  });
  if (child.stdio !== undefined) return child;
  child.once('error', () => {}); // said here
  throw new RuntimeError(`cannot start ${program}: too many open files`);
}) as typeof spawn;

/** Runs a program to its end. @param input for it to read. @returns what it printed. @throws {RuntimeError} it failed, with what it wrote last. */
export async function runProgram(command: readonly string[], input = ''): Promise<string> {
  const [program = '', ...args] = command;
  const child = startProgram(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  child.stdin.on('error', () => {}); // it need not read what it is given
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const [stdout, stderr, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  if (code === 0) return stdout;
  throw new RuntimeError(`${program} failed with ${code ?? 'a signal'}: ${lastWords(stderr)}`);
}

function isProgram(path: string): boolean {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isFile() !== true) return false;
    accessSync(path, constants.X_OK); // last: most folders have no such file, and a failure takes long to be made
    return true;
  } catch {
    return false;
  }
}
