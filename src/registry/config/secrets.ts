const SECRET =
  /(password(?!cache|file)|passwd|secret|token|accesskey|accountkey|apikey|licensekey|private_?key|authorization|cookie|credentials)/i;
const INDEX = /^\d+$/;
const PARAMETER = /([?&](?:token|secret|key|api_?key|sig|signature|password)=)[^&#\s]*/gi;
const USER_INFO = /(\w+:\/\/[^\s/:@]*):[^\s/@]*@/g;

/** What is printed instead of a secret. */
const MASK = '***';

/**
 * Whether the value at this place must never be printed or logged: it is judged by the name of its key. What is sent to receivers of
 * events is what lets us in, whatever its name.
 */
function isSecret(path: readonly string[]): boolean {
  const names = path.filter((name) => !INDEX.test(name));
  if (names[0] === 'notifications' && names.includes('headers')) return true;
  return SECRET.test(names.at(-1) ?? '') || names.includes('credentials');
}

/** A value as it may be shown: secrets, and those inside addresses, are masked. */
export function masked(path: readonly string[], value: string): string {
  if (isSecret(path)) return MASK;
  return value.replace(USER_INFO, `$1:${MASK}@`).replace(PARAMETER, `$1${MASK}`);
}
