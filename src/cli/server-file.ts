import { stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { editFile, type NewFile } from './file-edit.js';

/** A file that the registry reads, and where its data are, if that is known. */
export type ServerFile = Readonly<{ file: string; dataRoot?: string | undefined }>;

const PRIVATE = 0o600;
const FOR_THE_GROUP = 0o640;

/**
 * As {@link editFile}. A file that root makes for a server of another user is as its folder: that one's, or its group may
 * read it; else as the registry's data.
 * @returns what there is to say behind its name: whose it is, where root made it somebody else's.
 */
export async function editServerFile(
  { file, dataRoot }: ServerFile,
  edit: (content: Buffer) => Buffer,
): Promise<string> {
  const places = [dirname(file), ...(dataRoot === undefined ? [] : [dataRoot])];
  const fresh = process.getuid?.() === 0 && !(await findOwner(file)) ? await asFirstOf(places) : undefined;
  await editFile(file, edit, fresh);
  return fresh === undefined ? '' : `, which belongs to ${fresh.uid}:${fresh.gid} as ${fresh.as} does`;
}

/** @returns `undefined` when all are root's. */
async function asFirstOf(places: readonly string[]): Promise<(NewFile & { as: string }) | undefined> {
  for (const as of places) {
    const { uid, gid } = (await findOwner(as)) ?? { uid: 0, gid: 0 };
    if (uid !== 0 || gid !== 0) return { uid, gid, mode: uid === 0 ? FOR_THE_GROUP : PRIVATE, as };
  }
  return undefined;
}

async function findOwner(path: string): Promise<Required<Omit<NewFile, 'mode'>> | undefined> {
  return stat(path).catch(() => undefined);
}
