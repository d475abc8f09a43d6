import { chmod, chown, open, readFile, realpath, rename, rm, stat } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { reasonOf } from '../registry/system-error.js';

/** What a file is that was not there; of who made it, if not said otherwise. */
export type NewFile = Readonly<{ mode: number; uid?: number; gid?: number }>;

const RETRY_MS = 50;
/** For one who holds the lock; who comes after him has as long again. */
const MAX_WAIT_MS = 3000;

/**
 * Changes a file in one step: readers see it before or after, also when the power fails. Two edits at once wait for
 * each other. Mode and owner stay; a new file can be read by its owner only. A symbolic link stays one.
 * @param edit gets the content, empty for a file that does not exist. What it throws leaves the file as it was.
 */
export async function editFile(
  path: string,
  edit: (content: Buffer) => Buffer,
  fresh?: NewFile,
): Promise<void> {
  const target = await realpath(path).catch(() => path);
  await using _lock = await lockFile(`${target}.lock`);
  await replaceFile(target, edit(await readOrEmpty(target)), fresh);
}

async function readOrEmpty(path: string): Promise<Buffer> {
  return readFile(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return Buffer.alloc(0);
    throw error;
  });
}

export async function replaceFile(
  path: string,
  content: Buffer | string,
  fresh: NewFile = { mode: 0o600 },
): Promise<void> {
  const old = await stat(path).catch(() => undefined);
  const temporary = `${path}.${process.pid}.new`;
  try {
    await writeSynced(temporary, content, fresh.mode);
    const { uid = process.getuid?.() ?? 0, gid = process.getgid?.() ?? 0, mode } = old ?? fresh;
    if (uid !== process.getuid?.() || gid !== process.getgid?.()) await chown(temporary, uid, gid);
    if (old !== undefined) await chmod(temporary, mode & 0o7777);
    await rename(temporary, path);
    await syncFolder(dirname(path));
  } catch (error) {
    await rm(temporary, { force: true });
    if (old === undefined || !cannotBeReplaced(error)) throw error;
    await writeSynced(path, content, fresh.mode);
  }
}

/** A file mounted into a container cannot be renamed over, and one of another owner cannot be copied. */
function cannotBeReplaced(error: unknown): boolean {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  return ['EBUSY', 'EPERM', 'EACCES', 'EXDEV'].includes(code);
}

async function writeSynced(path: string, content: Buffer | string, mode: number): Promise<void> {
  await using file = await open(path, 'w', mode);
  await file.writeFile(content);
  await file.sync();
}

async function syncFolder(path: string): Promise<void> {
  await using folder = await open(path, 'r');
  await folder.sync();
}

async function lockFile(path: string): Promise<AsyncDisposable> {
  const owner = `${process.pid} ${hostname()}\n`;
  let holder = '';
  for (let since = 0; ; await setTimeout(RETRY_MS)) {
    try {
      await using file = await open(path, 'wx', 0o600);
      await file.writeFile(owner);
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT') throw new Error(`there is no folder ${dirname(path)}`, { cause: error });
      if (code !== 'EEXIST')
        throw new Error(`cannot write into ${dirname(path)}: ${reasonOf(error)}`, { cause: error });
    }
    const before = holder;
    holder = await holderOf(path);
    if (holder !== before) since = performance.now();
    if (await isLeftOver(path)) await rm(path, { force: true });
    else if (performance.now() - since > MAX_WAIT_MS) {
      throw new Error(`another program holds ${path}; remove that file if none is running`);
    }
  }
}

/** Another text for each lock that is made. */
async function holderOf(path: string): Promise<string> {
  const { ino, mtimeNs } = await stat(path, { bigint: true }).catch(() => ({ ino: 0, mtimeNs: 0 }));
  return `${ino} ${mtimeNs}`;
}

/** Whoever made the lock ran here and is gone. Of other machines and containers nothing can be known. */
async function isLeftOver(path: string): Promise<boolean> {
  const [pid = '', host] = (await readFile(path, 'utf8').catch(() => '')).trim().split(' ');
  if (host !== hostname() || !/^\d+$/.test(pid)) return false;
  try {
    process.kill(Number(pid), 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}
