const SECRET =
  /(password(?!cache|file)|passwd|secret|token|accesskey|accountkey|apikey|licensekey|private_?key|authorization|cookie|credentials)/i;
const INDEX = /^\d+$/;
const USER_INFO = /(\w+:\/\/[^\s/:@]*):[^\s/@]*@/g;

/** What is printed instead of a secret. */
const MASK = '***';

/** Whether the value at this place must never be printed or logged: it is judged by the name of its key. */
function isSecret(path: readonly string[]): boolean {
  const names = path.filter((name) => !INDEX.test(name));
  return SECRET.test(names.at(-1) ?? '') || names.includes('credentials');
}

/** A value as it may be shown: secrets and passwords inside addresses are masked. */
export function masked(path: readonly string[], value: string): string {
  return isSecret(path) ? MASK : value.replace(USER_INFO, `$1:${MASK}@`);
}
