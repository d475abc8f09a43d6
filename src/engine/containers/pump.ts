import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { Readable, Writable } from 'node:stream';
import type { HijackedStream } from '../hijack.js';
import { type FrameStream, frameHeader } from '../stream-frames.js';

/** What a client wants to read and write. */
export type Selected = Readonly<{ stdin: boolean; stdout: boolean; stderr: boolean }>;

/** Joins a process and a client to the end of what the process writes; with a terminal, what it writes has no frames. */
export async function pump(
  child: ChildProcess,
  { socket, input }: HijackedStream,
  { selected, tty }: Readonly<{ selected: Selected; tty: boolean }>,
): Promise<void> {
  if (child.stdin !== null) void feed(child.stdin, input);
  else socket.resume(); // so that its end is seen
  const outputs = [
    send(child.stdout, selected.stdout ? 'stdout' : undefined),
    send(child.stderr, selected.stderr && !tty ? 'stderr' : undefined),
  ];
  await Promise.all(outputs);

  async function send(output: Readable | null, stream: FrameStream | undefined): Promise<void> {
    if (output === null) return;
    try {
      for await (const chunk of output as AsyncIterable<Buffer>) {
        if (stream === undefined) continue;
        const hasRoom = tty
          ? socket.write(chunk)
          : socket.write(Buffer.concat([frameHeader(stream, chunk.length), chunk]));
        if (!hasRoom) await roomIn(socket);
      }
    } catch {
      // the client has gone away, or the process was killed: either way there is no more
    }
  }
}

async function feed(
  stdin: NonNullable<ChildProcess['stdin']>,
  input: AsyncIterable<Uint8Array>,
): Promise<void> {
  stdin.on('error', () => {}); // the process need not read what it is given
  try {
    for await (const chunk of input) {
      if (!stdin.write(chunk)) await roomIn(stdin);
    }
  } catch {
    // the client has gone away
  }
  stdin.end();
}

/** Until it takes more, or nothing any more. */
async function roomIn(stream: Writable): Promise<void> {
  const over = new AbortController();
  const { signal } = over;
  try {
    await Promise.race([once(stream, 'drain', { signal }), once(stream, 'close', { signal })]);
  } finally {
    over.abort(); // whichever did not come is not listened for any more
  }
}
