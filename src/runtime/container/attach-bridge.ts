import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { requiredPerl, startProgram } from '../programs.js';
import type { ContainerFolder } from './container-folder.js';
import { PUT, TYPED } from './perl-streams.js';

export type AttachOptions = Readonly<{
  /** `plain` writes the container's two outputs to the bridge's own, `mux` both as docker's frames to its first. */
  mode: 'plain' | 'mux';
  /** Its input is read and sent. */
  input: boolean;
  /** Bytes that end the session and leave the container alone; none is none. */
  detachKeys: Uint8Array;
  stdio: SpawnOptions['stdio'];
}>;

/** What a bridge ends with when the detach keys were typed. */
export const DETACHED = 100;

/**
 * conmon's socket keeps the borders of packets (SOCK_SEQPACKET), which Node cannot open; Perl is on every Debian. The first
 * byte of a packet says which output it is: 2 or 3. Input is never sent before there is room, so that a container that
 * does not read holds nothing up. The socket may not be there yet: it is waited for as long as whoever wants it is there,
 * and the container has not ended. fd 3
 * gets a byte when the session is open.
 */
const BRIDGE = String.raw`
use strict; use warnings; use Socket; use POSIX qw(EAGAIN EINTR EPIPE ECONNRESET :sys_wait_h);
my ($dir, $mode, $input, $keys) = @ARGV;
$SIG{$_} = 'IGNORE' for qw(INT QUIT TERM HUP TSTP PIPE WINCH USR1 USR2);
my @keys = unpack('C*', pack('H*', $keys));
chdir $dir or exit 1; # it could not be started, and is gone
socket(my $sock, AF_UNIX, 5, 0) or die "socket: $!\n";
my $parent = getppid();
while (!connect($sock, sockaddr_un('attach'))) {
  exit 1 if getppid() != $parent || -e 'exit';
  select(undef, undef, undef, 0.005);
}
if (open(my $ready, '>&=', 3)) { syswrite($ready, "\n"); close($ready) }
my ($in, $pending, $queue, $target) = ($input, '', '', 1);
${PUT}
sub left { exit ${DETACHED} }
${TYPED}
while (1) {
  my ($r, $w) = ('', ''); vec($r, fileno $sock, 1) = 1;
  vec($r, 0, 1) = 1 if $in && !length $pending;
  vec($w, fileno $sock, 1) = 1 if length $pending;
  next if select($r, $w, undef, undef) < 0;
  if (vec($r, fileno $sock, 1)) {
    my $from = recv($sock, my $packet, 65536, 0);
    if (!defined $from) { next if $! == EAGAIN || $! == EINTR; exit 0 }
    exit 0 if !length $packet;
    my $kind = ord $packet; my $bytes = substr($packet, 1);
    if ($mode eq 'mux') { put(1, pack('CxxxN', $kind - 1, length $bytes) . $bytes) }
    else { put($kind == 3 ? 2 : 1, $bytes) }
  }
  if (length $pending && vec($w, fileno $sock, 1)) {
    my $n = send($sock, substr($pending, 0, 8192), MSG_DONTWAIT);
    if (defined $n) { substr($pending, 0, $n, '') } elsif ($! != EAGAIN && $! != EINTR) { $pending = ''; $in = 0 }
  }
  if ($in && vec($r, 0, 1)) {
    my $n = sysread(STDIN, my $bytes, 8192);
    if (!defined $n) { next if $! == EAGAIN || $! == EINTR; $n = 0 }
    if ($n) { $pending .= typed($bytes) } else { $in = 0; shutdown($sock, 1) }
  }
}
`;

/**
 * A session with a container, in a small process of its own: what the container prints does not pass through this one.
 * @throws {RuntimeUnavailableError} no Perl.
 */
export function startAttachBridge(folder: ContainerFolder, options: AttachOptions): ChildProcess {
  const perl = requiredPerl('attaching to containers');
  const { mode, input, detachKeys, stdio } = options;
  const keys = Buffer.from(detachKeys).toString('hex');
  return startProgram(perl, ['-e', BRIDGE, folder.path, mode, input ? '1' : '0', keys], {
    stdio: stdio ?? [],
  });
}
