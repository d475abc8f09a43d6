import { writeFile } from 'node:fs/promises';
import { run } from './run.js';

/** Writes a password file, hashed as cheaply as bcrypt can. */
export async function writeHtpasswd(
  file: string,
  passwords: Readonly<Record<string, string>>,
): Promise<void> {
  const lines = Object.entries(passwords).map(([user, password]) =>
    run(['htpasswd', '-nbB', '-C', '4', user, password]),
  );
  await writeFile(file, (await Promise.all(lines)).map((line) => `${line.trim()}\n`).join(''));
}
