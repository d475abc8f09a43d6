import { randomBytes } from 'node:crypto';
import type { Readable, Writable } from 'node:stream';
import { UsageError } from './failure.js';
import { InterruptedError } from './interruption.js';

/** Where a command talks to its caller. `notes` is for people; what another program may read goes to `output`. */
export type Terminal = Readonly<{
  input: Readable & { isTTY?: boolean; setRawMode?: (on: boolean) => unknown };
  output: Writable;
  notes: Writable;
}>;

const MAX_INPUT_LENGTH = 4096;

/** 24 letters, digits, `-` and `_`: 144 bits. */
export function generatePassword(): string {
  return randomBytes(18).toString('base64url');
}

/** Reads all of the input as one password, without the line end that `echo` leaves. */
export async function readPassword({ input }: Terminal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of input) {
    chunks.push(Buffer.from(chunk));
    bytes += chunk.length;
    if (bytes > MAX_INPUT_LENGTH) throw new UsageError('the input is too long for a password');
  }
  const password = Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
  if (/[\r\n]/.test(password)) throw new UsageError('the input has several lines; give the password only');
  return password;
}

/**
 * Asks twice, showing nothing of what is typed.
 * @throws {UsageError} nobody is there to ask. @throws {Error} two different answers, or Ctrl-C.
 */
export async function askPassword(terminal: Terminal, name: string): Promise<string> {
  if (!terminal.input.isTTY) {
    throw new UsageError('no terminal to ask for the password on; use --password-stdin or --generate');
  }
  const [password = '', again] = await askHidden(terminal, [`Password for ${name}: `, 'Once more: ']);
  if (password !== again) throw new Error('the two passwords are different; nothing was changed');
  return password;
}

/** Asks for the password of somebody who has one. @throws {UsageError} nobody is there to ask; `instead` says what to do. */
export async function askSecret(
  terminal: Terminal,
  { user, place, instead }: Readonly<{ user: string; place?: string; instead: string }>,
): Promise<string> {
  if (!terminal.input.isTTY) throw new UsageError(`no terminal to ask for the password on; ${instead}`);
  terminal.input.resume(); // whoever asked before has paused it
  const prompt = place === undefined ? `Password of ${user}: ` : `Password of ${user} for ${place}: `;
  const [password = ''] = await askHidden(terminal, [prompt]);
  return password;
}

/** One answer for each prompt. They share one listener, so that nothing typed ahead is lost. */
async function askHidden({ input, notes }: Terminal, prompts: readonly string[]): Promise<string[]> {
  const answers: string[] = [];
  const decoder = new TextDecoder();
  input.setRawMode?.(true);
  notes.write(prompts[0] ?? '');
  try {
    return await new Promise((resolve, reject) => {
      let typed = '';
      const onKey = (key: string) => {
        if (answers.length === prompts.length) return;
        if (key === CTRL_C) return reject(new InterruptedError('SIGINT'));
        if (key === CTRL_D && typed === '') return reject(new Error('interrupted'));
        if (key === CTRL_U) typed = '';
        else if (BACKSPACES.includes(key)) typed = typed.replace(/.$/su, '');
        else if (key !== '\r' && key !== '\n') typed += key;
        else {
          answers.push(typed);
          typed = '';
          notes.write(`\n${prompts[answers.length] ?? ''}`);
          if (answers.length === prompts.length) resolve(answers);
        }
      };
      input.on('data', (chunk: Uint8Array) => {
        for (const key of decoder.decode(chunk, { stream: true }).replaceAll('\r\n', '\n')) onKey(key);
      });
      input.once('end', () => reject(new Error('interrupted')));
      input.once('error', reject);
    });
  } finally {
    input.removeAllListeners('data');
    input.setRawMode?.(false);
    input.pause(); // else it keeps the program alive
  }
}

const CTRL_C = '\u0003';
const CTRL_D = '\u0004';
const CTRL_U = '\u0015';
const BACKSPACES = ['\u007f', '\b'];
