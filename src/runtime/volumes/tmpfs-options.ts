import { InvalidMountError } from './volume-errors.js';

/** Flags that exclude each other; the first of each row is what docker sets. */
const FLAGS: readonly (readonly string[])[] = [
  ['noexec', 'exec'],
  ['nosuid', 'suid'],
  ['nodev', 'dev'],
  ['rw', 'ro'],
  ['async', 'sync'],
  ['relatime', 'norelatime', 'strictatime', 'nostrictatime'],
  ['atime', 'noatime'],
  ['diratime', 'nodiratime'],
  ['rprivate', 'private', 'rshared', 'shared', 'rslave', 'slave', 'runbindable', 'unbindable'],
  ['defaults'],
];
const KEYS = ['mode', 'uid', 'gid', 'size', 'nr_inodes', 'nr_blocks', 'mpol'];
const ALWAYS = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/** HostConfig.Mounts' TmpfsOptions, as {@link tmpfsMountOptions} takes them. @throws {InvalidMountError} */
export function tmpfsOptionsOf(
  {
    SizeBytes = 0,
    Mode = 0,
    Options = [],
  }: Readonly<{ SizeBytes?: number; Mode?: number; Options?: readonly (readonly string[])[] }>,
  readOnly: boolean,
): string {
  if (SizeBytes < 0) throw new InvalidMountError('TmpfsOptions.SizeBytes must not be negative');
  const text = [
    ...(readOnly ? ['ro'] : []),
    ...(Mode === 0 ? [] : [`mode=${Mode.toString(8)}`]),
    ...(SizeBytes === 0 ? [] : [`size=${SizeBytes}`]),
    ...Options.map((pair) => pair.join('=')),
  ].join(',');
  tmpfsMountOptions(text);
  return text;
}

/**
 * What is given to mount(2): docker's defaults, with what is asked for in their place.
 * @param text as of `--tmpfs /run:size=64m,exec`. @throws {InvalidMountError} words that tmpfs does not have.
 */
export function tmpfsMountOptions(text: string): string[] {
  const words = [...ALWAYS, ...text.split(',').filter((word) => word !== '' && word !== 'defaults')];
  const unknown = words.filter((word) => kindOf(word) === undefined);
  if (unknown.length > 0) throw new InvalidMountError(`invalid tmpfs option ${JSON.stringify(unknown)}`);
  const last = new Map(words.map((word) => [kindOf(word), word]));
  return [...last.values()];
}

/** What a word is about: of two about the same the later counts. */
function kindOf(word: string): string | undefined {
  const [key = ''] = word.split('=', 1);
  if (word.includes('=')) return KEYS.includes(key) ? key : undefined;
  return FLAGS.find((row) => row.includes(word))?.[0];
}
