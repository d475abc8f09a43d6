import { execFile } from 'node:child_process';

/** Runs a program and waits for it. @returns what it printed. @throws {Error} it is missing or failed. */
export type Run = (program: string, args: readonly string[]) => Promise<string>;

export const runProgram: Run = (program, args) =>
  new Promise((resolve, reject) => {
    execFile(program, args, { timeout: 30_000 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else if (error.code === 'ENOENT')
        reject(new Error(`the program ${program} is not installed`, { cause: error }));
      else
        reject(
          new Error(`${program} ${args[0] ?? ''} failed (${error.code}): ${tail(stderr)}`, { cause: error }),
        );
    });
  });

function tail(text: string): string {
  return text.trim().split('\n').slice(-3).join('; ').slice(-500);
}
