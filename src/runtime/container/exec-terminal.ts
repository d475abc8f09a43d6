import { requiredPerl } from '../programs.js';

/** In characters. */
export type TerminalSize = Readonly<{ rows: number; columns: number }>;

/**
 * A terminal for a program whose caller has none: what is written to it is typed, what it shows is printed. Node cannot
 * open one; Perl is on every Debian. It ends as by SIGPIPE when nobody reads what is shown, which hangs up. On fd 3 come new
 * sizes, as lines of rows and columns. The numbers are those of ioctl_tty(2), the same on all machines that Node runs on.
 */
const TERMINAL = String.raw`
use strict; use warnings; use Fcntl; use POSIX qw(EAGAIN EINTR EPIPE setsid);
my ($rows, $columns, @command) = @ARGV;
sysopen(my $master, '/dev/ptmx', O_RDWR | O_NOCTTY) or die "/dev/ptmx: $!\n";
my ($unlocked, $number) = (pack('i', 0), pack('i', 0));
ioctl($master, 0x40045431, $unlocked) or die "TIOCSPTLCK: $!\n";
ioctl($master, 0x80045430, $number) or die "TIOCGPTN: $!\n";
my $path = '/dev/pts/' . unpack('i', $number);
sub resize { return unless $_[0] && $_[1]; my $size = pack('S4', @_, 0, 0); ioctl($master, 0x5414, $size) }
resize($rows, $columns);
my $child = fork() // die "fork: $!\n";
if (!$child) {
  setsid();
  sysopen(my $slave, $path, O_RDWR) or die "$path: $!\n";
  ioctl($slave, 0x540E, 0);
  my $modes = POSIX::Termios->new; $modes->getattr(fileno $slave);
  $modes->setlflag($modes->getlflag & ~(POSIX::ECHO | POSIX::ICANON | POSIX::ISIG | POSIX::IEXTEN));
  $modes->setiflag($modes->getiflag & ~(POSIX::ICRNL | POSIX::IXON));
  $modes->setoflag($modes->getoflag & ~POSIX::OPOST);
  $modes->setattr(fileno($slave), POSIX::TCSANOW);
  POSIX::dup2(fileno($slave), $_) for 0 .. 2;
  exec { $command[0] } @command or die "$command[0]: $!\n";
}
$SIG{PIPE} = 'IGNORE'; $SIG{TERM} = sub { kill 'KILL', $child };
open(my $sizes, '<&=', 3) or die "fd 3: $!\n";
my ($in, $pending, $lines) = (1, '', '');
while (1) {
  my ($r, $w) = ('', ''); vec($r, fileno $master, 1) = 1;
  vec($r, 0, 1) = 1 if $in && !length $pending;
  vec($r, fileno $sizes, 1) = 1 if $sizes;
  vec($w, fileno $master, 1) = 1 if length $pending;
  next if select($r, $w, undef, undef) < 0;
  if ($sizes && vec($r, fileno $sizes, 1)) {
    my $n = sysread($sizes, $lines, 4096, length $lines);
    if (!$n) { close($sizes); undef $sizes }
    else { resize($1, $2) while $lines =~ s/^(\d+) (\d+)\n// }
  }
  if (vec($r, fileno $master, 1)) {
    my $n = sysread($master, my $bytes, 65536);
    if (!$n) { next if !defined $n && ($! == EAGAIN || $! == EINTR); last }
    for (my $at = 0; $at < $n;) {
      my $done = syswrite(STDOUT, $bytes, $n - $at, $at);
      if (defined $done) { $at += $done } elsif ($! == EPIPE) { exit 141 } elsif ($! != EINTR) { $at = $n }
    }
  }
  if (length $pending && vec($w, fileno $master, 1)) {
    my $n = syswrite($master, $pending);
    substr($pending, 0, $n, '') if defined $n;
  }
  if ($in && vec($r, 0, 1)) {
    my $n = sysread(STDIN, $pending, 4096);
    if (!$n) { $in = 0; $pending = '' }
  }
}
waitpid($child, 0);
exit($? & 127 ? 128 + ($? & 127) : $? >> 8);
`;

/** The command line that gives a command a terminal; its fd 3 takes sizes. @throws {RuntimeUnavailableError} no Perl. */
export function inTerminal(command: readonly string[], { rows, columns }: TerminalSize): string[] {
  const perl = requiredPerl('terminals');
  return [perl, '-e', TERMINAL, String(rows), String(columns), ...command];
}
