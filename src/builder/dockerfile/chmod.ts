/** What a `--chmod` makes of a mode (07777 bits of it count). */
export type ChangeMode = (mode: number, entry: Readonly<{ directory: boolean }>) => number;

const PERMISSION_BITS = 0o7777;

/**
 * Reads `--chmod`: octal up to 7777, or symbolic as of chmod(1), `u=rwX,go=rX`.
 * @throws {RangeError} neither.
 */
export function parseChmod(text: string): ChangeMode {
  if (/^[0-7]+$/.test(text)) return octal(text);
  const clauses = text.split(',').map((clause) => parseClause(clause, text));
  return (mode, entry) => clauses.reduce((changed, clause) => clause(changed, entry), mode & PERMISSION_BITS);
}

function octal(text: string): ChangeMode {
  const mode = Number.parseInt(text, 8);
  if (mode > PERMISSION_BITS) throw invalid(text);
  return () => mode;
}

const CLAUSE = /^([ugoa]*)((?:[-+=](?:[rwxXst]*|[ugo]))+)$/;

/** `who`, then one or more operators with their permissions. */
function parseClause(clause: string, text: string): ChangeMode {
  const [, who = '', actions = ''] = CLAUSE.exec(clause) ?? [];
  if (actions === '') throw invalid(text);
  const affected = classesOf(who);
  const steps = [...actions.matchAll(/([-+=])([^-+=]*)/g)].map(([, operator = '', permissions = '']) =>
    actionOf(operator, permissions, affected),
  );
  return (mode, entry) => steps.reduce((changed, step) => step(changed, entry), mode);
}

type Class = 'u' | 'g' | 'o';
const CLASSES: readonly Class[] = ['u', 'g', 'o'];
const SHIFT = { u: 6, g: 3, o: 0 } as const;
const SPECIAL = { u: 0o4000, g: 0o2000, o: 0 } as const;

function classesOf(who: string): readonly Class[] {
  return who === '' || who.includes('a') ? CLASSES : CLASSES.filter((name) => who.includes(name));
}

function actionOf(operator: string, permissions: string, affected: readonly Class[]): ChangeMode {
  return (mode, entry) => {
    const bits = bitsOf(permissions, mode, entry.directory, affected);
    if (operator === '+') return mode | bits;
    if (operator === '-') return mode & ~bits;
    return (mode & ~cleared(affected, entry.directory)) | bits;
  };
}

/** What `=` takes away first. Directories keep setuid and setgid unless these are named, as with chmod(1). */
function cleared(affected: readonly Class[], directory: boolean): number {
  const special = directory ? 0 : affected.reduce((bits, name) => bits | SPECIAL[name], 0);
  const sticky = affected.length === CLASSES.length ? 0o1000 : 0;
  return affected.reduce((bits, name) => bits | (7 << SHIFT[name]), special | sticky);
}

function bitsOf(permissions: string, mode: number, directory: boolean, affected: readonly Class[]): number {
  const copied = CLASSES.find((name) => name === permissions);
  const triple = copied === undefined ? tripleOf(permissions, mode, directory) : (mode >> SHIFT[copied]) & 7;
  const plain = affected.reduce((bits, name) => bits | (triple << SHIFT[name]), 0);
  const setid = permissions.includes('s') ? affected.reduce((bits, name) => bits | SPECIAL[name], 0) : 0;
  return plain | setid | (permissions.includes('t') ? 0o1000 : 0);
}

/** `X` is `x` for directories and for what somebody may execute already. */
function tripleOf(permissions: string, mode: number, directory: boolean): number {
  const execute =
    permissions.includes('x') || (permissions.includes('X') && (directory || (mode & 0o111) !== 0));
  return (permissions.includes('r') ? 4 : 0) | (permissions.includes('w') ? 2 : 0) | (execute ? 1 : 0);
}

function invalid(text: string): RangeError {
  return new RangeError(
    `invalid --chmod ${JSON.stringify(text)}: write an octal mode up to 7777, or symbolic ones as in u=rwX,go=rX`,
  );
}
