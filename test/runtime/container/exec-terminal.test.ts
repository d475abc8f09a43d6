import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { inTerminal } from '../../../src/runtime/container/exec-terminal.js';
import { temporaryFolder } from '../../support/temporary-folder.js';

/** Reaches for the socket as a runtime does, gives no terminal, and says why a while later. */
const FAILS = `
use Socket; my ($name) = @ARGV[2];
socket(my $to, AF_UNIX, SOCK_STREAM, 0); connect($to, sockaddr_un($name)) or die "$name: $!";
close $to; select(undef, undef, undef, 0.2); print STDERR "no room\\nfor it\\n"; exit 7;
`;

describe('inTerminal', () => {
  it('shows what the runtime says, and ends as it does, when it gives no terminal', async () => {
    await using folder = await temporaryFolder();
    const there = { socket: 'socket', pidFile: 'pid' };
    const runtime = (flags: readonly string[]) => ['/usr/bin/perl', '-e', FAILS, '--', ...flags];
    const [program = '', ...args] = inTerminal(runtime, there, new Uint8Array());
    const stdio = ['ignore', 'pipe', 'pipe', 'pipe'] as const; // the types know no fourth
    const child = spawn(program, args, { cwd: folder.path, stdio: [...stdio] }) as ChildProcessByStdio<
      null,
      Readable,
      Readable
    >;
    const [shown, complaints, [code]] = await Promise.all([
      text(child.stdout),
      text(child.stderr),
      once(child, 'close'),
    ]);
    expect({ shown, complaints, code }).toEqual({ shown: 'no room\r\nfor it\r\n', complaints: '', code: 7 });
  });
});
