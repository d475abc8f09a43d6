import { createInterface, type Interface } from 'node:readline/promises';

/**
 * Asks on the terminal, or takes the first line of what is given: `yes | berth system prune`.
 * @returns whether the answer is yes. @throws {Error} there is nobody to ask.
 */
export async function confirmed(question: string): Promise<boolean> {
  const { stdin: input, stderr: output } = process;
  const asked = createInterface(input.isTTY ? { input, output } : { input });
  try {
    const answer = input.isTTY ? await asked.question(question) : await firstLine(asked);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asked.close();
  }
}

async function firstLine(lines: Interface): Promise<string> {
  for await (const line of lines) return line;
  throw new Error('nobody can be asked here: use --force');
}
