import { ArchiveOutput } from '../image/index.js';

/** Where an archive goes: a file, or standard output, for `-` too. */
export async function openOutput(path: string | undefined, signal: AbortSignal): Promise<ArchiveOutput> {
  return path === undefined || path === '-'
    ? ArchiveOutput.toStream(process.stdout, { signal })
    : ArchiveOutput.toFile(path, { signal });
}
