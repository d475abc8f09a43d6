import type { Finding, Mark, Verification } from '../registry/verify/index.js';
import { readableSize } from './readable-size.js';
import { timeCell } from './text-table.js';

const MAX_NAMED = 3;

/** What is wrong, where, and what became of it. */
export function findingLine(finding: Finding): string {
  const { problem, repositories, detail } = finding;
  const more = repositories.length - MAX_NAMED;
  const named = repositories.slice(0, MAX_NAMED).join(', ') + (more > 0 ? ` and ${more} more` : '');
  const where = named === '' ? 'no repository' : named;
  return `${problem}: ${where}: ${detail}; ${stateText(finding)}`;
}

function stateText({ state, how, path }: Finding): string {
  const aside = path?.startsWith('/berth/') ? `, the old bytes are ${path.slice(1)}` : '';
  switch (state) {
    case 'repaired':
      return `repaired ${how}${aside}`;
    case 'set-aside':
      return `no longer served${aside}`;
    case 'found':
      return 'not repaired';
  }
}

/** The last line of a pass, or what is known of the last one. */
export function printVerification(verification: Verification): void {
  const { blobs, bytes, manifests, repositories, repaired, remaining, unneededLinks, omitted } = verification;
  const write = (line: string) => process.stdout.write(`${line}\n`);
  if (omitted > 0) write(`and ${omitted} more`);
  if (unneededLinks > 0)
    write(
      `${counted(unneededLinks, 'link leads', 'links lead')} nowhere, and no image misses what was there`,
    );
  const read = `read ${counted(blobs, 'blob')} (${readableSize(bytes)}), ${counted(manifests, 'manifest')} in ${counted(repositories, 'repository', 'repositories')}`;
  const fixed = repaired > 0 ? `, ${repaired} repaired` : '';
  write(remaining === 0 ? `${read}: sound${fixed}` : `${read}: ${remaining} wrong${fixed}`);
}

export function printStatus({
  last,
  mark,
}: {
  last: Verification | undefined;
  mark: Mark | undefined;
}): void {
  const write = (line: string) => process.stdout.write(`${line}\n`);
  if (mark)
    write(
      `a pass that began at ${timeCell(mark.startedAt)} has read ${counted(mark.blobs, 'blob')} (${readableSize(mark.bytes)}), ${counted(mark.findings.length + mark.omitted, 'finding')} so far`,
    );
  if (last === undefined) return void write('no pass was finished yet');
  write(`the last pass ended at ${timeCell(last.finishedAt)}`);
  for (const finding of last.findings) write(findingLine(finding));
  printVerification(last);
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
