import { RuntimeUnavailableError } from '../errors.js';
import { requiredPerl } from '../programs.js';
import { PUT, TYPED } from './perl-streams.js';

/** What ends the session, and not the process, when the keys that leave it were typed. */
export const LEFT_BY: NodeJS.Signals = 'SIGUSR1';

/** In characters; none where they are 0. */
export type TerminalSize = Readonly<{ rows: number; columns: number }>;

/**
 * Numbers of the two system calls that Perl has no names for, by the machine's architecture: syscalls(2). What else is
 * numbers in the program is the same on all of these.
 */
const SYSTEM_CALLS: Readonly<Partial<Record<NodeJS.Architecture, { prctl: number; recvmsg: number }>>> = {
  x64: { prctl: 157, recvmsg: 47 },
  arm64: { prctl: 167, recvmsg: 212 },
  riscv64: { prctl: 167, recvmsg: 212 },
  loong64: { prctl: 167, recvmsg: 212 },
  ppc64: { prctl: 171, recvmsg: 342 },
  s390x: { prctl: 172, recvmsg: 372 },
};

/**
 * Takes the terminal of a process that an OCI runtime starts and leaves (`exec --detach --console-socket`), as Node cannot:
 * what is read is typed on it, what it shows is printed, as it is. The runtime could do it itself, but would change line
 * ends only once the process has printed some, and for programs that draw. Ended by {@link LEFT_BY}, it was left.
 *
 * The process becomes a child of this one when the runtime ends (prctl(2), PR_SET_CHILD_SUBREAPER), and this one ends as it
 * does; it is hung up when this one ends first, which it does with 141, as by SIGPIPE, when nobody takes what is shown. On
 * fd 3 come new sizes, as lines of rows and columns. A signal that comes between a look and the wait after it is seen a
 * second later.
 */
const TERMINAL = String.raw`
use strict; use warnings; use Socket; use POSIX qw(EAGAIN EINTR EPIPE ECONNRESET :sys_wait_h);
${PUT}
my ($prctl, $recvmsg, $name, $pid_file, $keys, @command) = @ARGV;
my @keys = unpack('C*', pack('H*', $keys));
socket(my $door, AF_UNIX, SOCK_STREAM, 0) or die "socket: $!\n";
bind($door, sockaddr_un($name)) && listen($door, 1) or die "$name: $!\n";
syscall($prctl + 0, 36, 1, 0, 0, 0) == 0 or die "prctl: $!\n";
pipe(my $said, my $saying) or die "pipe: $!\n";
my $runtime = fork() // die "fork: $!\n";
if (!$runtime) {
  open(STDIN, '<', '/dev/null'); open(STDOUT, '>&', $saying); open(STDERR, '>&', $saying);
  exec { $command[0] } @command or die "$command[0]: $!\n";
}
close($saying);
my ($leader, $ended, $master, $sizes, $alone, @size) = (0, undef, undef, undef, 0);
$SIG{PIPE} = 'IGNORE'; $SIG{CHLD} = sub {}; $SIG{TERM} = sub { kill 'KILL', $leader || $runtime };
sub status { return $? & 127 ? 128 + ($? & 127) : $? >> 8 }
sub resize {
  @size = @_ if @_;
  return unless $master && $size[0] && $size[1];
  my $packed = pack('S4', @size, 0, 0); ioctl($master, 0x5414, $packed); # TIOCSWINSZ
}
sub received {
  my ($from) = @_;
  my ($data, $control) = ("\0" x 4096, "\0" x 24); vec($_, 0, 8) = 0 for $data, $control; # memory of their own
  my $vector = pack('PJ', $data, length $data);
  my $message = pack('J i x![J] P J P J i x![J]', 0, 0, $vector, 1, $control, length $control, 0);
  my $n;
  do { $n = syscall($recvmsg + 0, fileno $from, $message, 0x40000000) } while $n < 0 && $! == EINTR; # MSG_CMSG_CLOEXEC
  my ($length, $level, $type, $fd) = unpack('J i3', $control);
  if ($n < 0 || $level != 1 || $type != 1) { # SOL_SOCKET, SCM_RIGHTS
    reap(0); # it lets go of the socket before it says what is wrong
    die "no terminal from the runtime\n";
  }
  open(my $there, '+<&=', $fd) or die "terminal: $!\n";
  return $there;
}
sub left { # the terminal has to stay, and be read
  kill('USR1', $$) if fork() // die "fork: $!\n";
  open($_, '+<', '/dev/null') for *STDIN, *STDOUT, *STDERR; undef $sizes; POSIX::setsid(); $alone = 1;
}
${TYPED}
sub reap {
  my ($how) = @_;
  if (!$leader && waitpid($runtime, $how) == $runtime) {
    if ($?) { my $code = status(); local $/; my $why = <$said> // ''; $why =~ s/\n/\r\n/g; put(1, $why); exit $code }
    open(my $file, '<', $pid_file) or die "$pid_file: $!\n"; $leader = <$file> + 0;
  }
  $ended = status() if $leader && !defined $ended && waitpid($leader, WNOHANG) == $leader;
}
open($sizes, '<&=', 3) or die "fd 3: $!\n";
my ($in, $pending, $lines) = (1, '', '');
while (1) {
  if ($alone) { exit if !$master } else { reap(WNOHANG) }
  my ($r, $w) = ('', '');
  for ($door, $master, $sizes) { vec($r, fileno $_, 1) = 1 if $_ }
  vec($r, 0, 1) = 1 if $in && $master && !length $pending;
  vec($w, fileno $master, 1) = 1 if $master && length $pending;
  my $found = select($r, $w, undef, defined $ended ? 0 : 1);
  next if $found < 0;
  # All that it showed is there to be read when it has ended; others may still have it open.
  if (defined $ended && (!$master || !vec($r, fileno $master, 1))) { exit $ended }
  if ($sizes && vec($r, fileno $sizes, 1)) {
    my $n = sysread($sizes, $lines, 4096, length $lines);
    if (!$n) { undef $sizes } else { resize($1, $2) while $lines =~ s/^(\d+) (\d+)\n// }
  }
  if ($master && vec($r, fileno $master, 1)) {
    my $n = sysread($master, my $bytes, 65536);
    if ($n) { put(1, $bytes) } elsif (defined $n || ($! != EAGAIN && $! != EINTR)) { undef $master }
  }
  if ($master && length $pending && vec($w, fileno $master, 1)) {
    my $n = syswrite($master, $pending);
    substr($pending, 0, $n, '') if defined $n;
  }
  if ($in && vec($r, 0, 1)) {
    my $n = sysread(STDIN, $pending, 4096);
    if ($n) { $pending = typed($pending); $in = !$alone }
    elsif (defined $n || ($! != EAGAIN && $! != EINTR)) { $in = 0; $pending = '' }
  }
  if ($door && vec($r, fileno $door, 1)) {
    accept(my $from, $door) or next;
    $master = received($from); undef $door; unlink $name; resize();
  }
}
`;

/**
 * The command line that starts a process on a terminal of its own and sees to that; its fd 3 takes sizes.
 * @param exec given the runtime's flags for that. @param there names of files in the directory that it is to be started in:
 * a socket that is made, and the file in which the runtime writes the process's number.
 * @param detachKeys bytes that leave the process alone; none is none.
 * @throws {RuntimeUnavailableError} no Perl.
 */
export function inTerminal(
  exec: (flags: readonly string[]) => readonly string[],
  there: Readonly<{ socket: string; pidFile: string }>,
  detachKeys: Uint8Array,
): string[] {
  const perl = requiredPerl('terminals');
  const { prctl, recvmsg } = SYSTEM_CALLS[process.arch] ?? {};
  if (prctl === undefined)
    throw new RuntimeUnavailableError(`terminals for exec are not known on ${process.arch}: leave out -t`);
  const { socket, pidFile } = there;
  const keys = Buffer.from(detachKeys).toString('hex');
  const command = exec(['--detach', '--console-socket', socket]);
  return [perl, '-e', TERMINAL, String(prctl), String(recvmsg), socket, pidFile, keys, ...command];
}
