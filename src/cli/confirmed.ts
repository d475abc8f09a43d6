import { createInterface } from 'node:readline/promises';

/** Asks on the terminal. @returns whether the answer is yes. @throws {Error} there is nobody to ask. */
export async function confirmed(question: string): Promise<boolean> {
  if (!process.stdin.isTTY) throw new Error('nobody can be asked here: use --force');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(question)).trim());
  } finally {
    terminal.close();
  }
}
