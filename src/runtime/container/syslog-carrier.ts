import { RuntimeError } from '../errors.js';
import { expectSyslog, logPlanOf, type SyslogTarget, syslogSender } from '../logs/index.js';
import { MOVE_TO_MONITORS, moveEnvironment } from '../monitors-cgroup.js';
import { requiredPerl, startProgram } from '../programs.js';
import { untilReady } from '../until-ready.js';
import type { ContainerFolder } from './container-folder.js';
import type { ContainerRecord } from './container-record.js';

/**
 * Attached to conmon as a person would be (see attach-bridge.ts), it gives the lines to what sends them: to logger, with the
 * priority of each before it, or to openssl as whole messages. What went to stderr is an error. It holds nobody up: what is
 * not taken in time is lost, but for what is kept in the log. fd 3 gets a byte when it is attached; fd 4 is open as long as
 * it lives. It ends with the container, ten seconds late if the sender waits.
 */
const CARRIER = String.raw`
use strict; use warnings; use Socket; use Errno qw(EAGAIN EINTR); use Fcntl qw(F_SETFD F_SETFL FD_CLOEXEC O_WRONLY O_NONBLOCK);
use constant { LONGEST => 16384, MOST => 1 << 20, INFO => 6, ERROR => 3 };
my ($dir, $facility, $format, $header, @sender) = @ARGV;
$0 = "berth-syslog $dir"; # for who lists processes
$SIG{$_} = 'IGNORE' for qw(INT QUIT HUP TSTP PIPE);
open(my $alive, '<&=', 4) or die "descriptor: $!\n"; fcntl($alive, F_SETFD, FD_CLOEXEC);
chdir $dir or die "chdir: $!\n";
socket(my $sock, AF_UNIX, 5, 0) or die "socket: $!\n";
connect($sock, sockaddr_un('attach')) or die "attach: $!\n";
chdir '/';
my ($queue, $cut, $retry, $pid, $out, %begun) = ('', 0, 0, 0);
sub passing { $! == EAGAIN || $! == EINTR }
sub reach {
  $retry = time + 1;
  $pid = open($out, '|-', @sender) or return undef $out;
  fcntl($out, F_SETFL, O_WRONLY | O_NONBLOCK);
}
sub hand_over {
  reach() if !$out && time >= $retry;
  return unless $out;
  my $n = syswrite($out, $queue);
  if (defined $n) { $cut = substr($queue, 0, $n, '') !~ /\n\z/ if $n; return }
  return if passing();
  close $out; undef $out;
  $queue =~ s/^[^\n]*\n// if $cut; $cut = 0; # the next sender would take the rest for a line
}
my $fine = eval { require Time::HiRes };
sub now {
  my ($s, $us) = $fine ? Time::HiRes::gettimeofday() : time;
  if ($format eq 'rfc5424') {
    my @t = gmtime $s;
    return sprintf '1 %d-%02d-%02dT%02d:%02d:%02d%sZ', $t[5] + 1900, $t[4] + 1, @t[3, 2, 1, 0], $fine ? sprintf('.%06d', $us) : '';
  }
  my @t = localtime $s;
  sprintf '%s %2d %02d:%02d:%02d', qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec)[$t[4]], @t[3, 2, 1, 0];
}
sub line {
  my ($kind, $text) = @_; $text =~ s/\r$//;
  my $entry = '<' . ($facility * 8 + ($kind == 3 ? ERROR : INFO)) . '>';
  $entry .= now() . " $header " if length $header;
  $entry .= "$text\n";
  $entry = length($entry) . " $entry" if length $header && $format eq 'rfc5424';
  $queue .= $entry if length($queue) + length($entry) <= MOST;
}
reach() or die "$sender[0]: $!\n";
if (open(my $ready, '>&=', 3)) { syswrite($ready, "\n"); close($ready) }
${MOVE_TO_MONITORS}
while (1) {
  my ($r, $w) = ('', ''); vec($r, fileno $sock, 1) = 1;
  vec($w, fileno $out, 1) = 1 if $out && length $queue;
  next if select($r, $w, undef, $out ? undef : 1) < 0;
  if (vec($r, fileno $sock, 1)) {
    my $from = recv($sock, my $packet, 65536, 0);
    next if !defined $from && passing();
    last if !defined $from || !length $packet;
    my $kind = ord $packet; $begun{$kind} .= substr($packet, 1);
    line($kind, $1) while $begun{$kind} =~ s/^([^\n]*)\n//;
    line($kind, substr($begun{$kind}, 0, LONGEST, '')) while length $begun{$kind} >= LONGEST;
  }
  hand_over() if length $queue;
}
length $begun{$_} and line($_, $begun{$_}) for keys %begun;
$SIG{ALRM} = sub { kill 'KILL', $pid if $pid; exit }; # who takes nothing holds nobody up
alarm 10;
while (length $queue) { hand_over(); select(undef, undef, undef, 0.05) if length $queue }
close $out if $out;
`;

/** Sends what a container that is made, and not started yet, will print. @throws {RuntimeError} it cannot be sent. */
export async function startSyslogCarrier(
  folder: ContainerFolder,
  target: SyslogTarget,
  { container, pid }: Readonly<{ container: ContainerRecord; pid: number }>,
): Promise<void> {
  await expectSyslog(target);
  const perl = requiredPerl('the log driver syslog');
  const { command, header, format } = syslogSender(target, { container, pid });
  using presence = folder.markCarried();
  const args = [folder.path, String(target.facility), format, header, ...command];
  const child = startProgram(perl, ['-e', CARRIER, ...args], {
    cwd: '/',
    env: { ...process.env, ...moveEnvironment() },
    stdio: ['ignore', 'ignore', 'pipe', 'pipe', presence.fd],
    detached: true,
  });
  const failure = await untilReady(child);
  if (failure !== undefined) throw new RuntimeError(`the log driver syslog cannot start: ${failure}`);
}

/** Starts another in place of one that was killed: what was printed meanwhile is only in the log. @throws as the first. */
export async function reviveSyslogCarrier(
  folder: ContainerFolder,
  container: ContainerRecord,
): Promise<void> {
  const { syslog } = logPlanOf(container.hostConfig.LogConfig);
  if (syslog !== undefined) await startSyslogCarrier(folder, syslog, { container, pid: container.state.pid });
}
