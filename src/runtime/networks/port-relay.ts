import { closeSync, constants, mkdirSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { makeFifo } from '../../linux/index.js';
import { MOVE_TO_MONITORS, moveEnvironment } from '../monitors-cgroup.js';
import { requiredPerl, startProgram } from '../programs.js';
import type { PublishedPort } from './published-port.js';

const PIPE_BYTES = 65_536;

/** A port that somebody has for us. */
export type TakenPort = Readonly<{ fd: number; port: PublishedPort }>;

/**
 * fd 3 says, line by line, at which address the container is now, and ends with whoever has its other end; the sockets follow,
 * one for each argument such as `tcp/80`, but for the last, by which people know whose it is. Bytes are read only when those
 * before are written, so nothing piles up. Who has sent packets over UDP is answered for a minute and a half, as by docker's
 * proxy.
 */
const RELAY = String.raw`
use strict; use warnings; use Socket; use Errno qw(EAGAIN EINTR EINPROGRESS); use Fcntl qw(F_SETFL O_RDWR O_NONBLOCK);
use constant { CHUNK => 65536, SESSIONS => 1024, IDLE => 90, SCTP => 132 };
$SIG{$_} = 'IGNORE' for qw(INT QUIT HUP TSTP PIPE);
$0 = "berth-port-relay @ARGV"; # for who lists processes
my ($target, $fd, $said, %reads, %writes, %sessions) = ('', 3, '');
pop @ARGV;
sub passing { $! == EAGAIN || $! == EINTR }
sub inherited {
  open(my $handle, shift, $fd++) or die "descriptor: $!\n";
  fcntl($handle, F_SETFL, O_RDWR | O_NONBLOCK); return $handle;
}
sub opened {
  my ($kind, $protocol, $port) = @_;
  return unless length $target;
  socket(my $socket, AF_INET, $kind, $protocol) or return;
  fcntl($socket, F_SETFL, O_RDWR | O_NONBLOCK);
  connect($socket, pack_sockaddr_in($port, $target)) or $! == EINPROGRESS or return;
  return $socket;
}
sub finish {
  my ($pair, $failed) = @_;
  return if --$pair->{open} > 0 && !$failed;
  for (@{$pair->{ends}}) { delete $reads{fileno $_}; delete $writes{fileno $_}; close $_ }
}
sub take {
  my ($pair, $from, $to) = @_;
  my $n = sysread($from, my $bytes, CHUNK);
  if (!defined $n) { finish($pair, 1) unless passing(); return }
  delete $reads{fileno $from};
  if ($n) { $writes{fileno $to} = sub { give($pair, $from, $to, \$bytes) } }
  else { shutdown($to, 1); finish($pair, 0) }
}
sub give {
  my ($pair, $from, $to, $bytes) = @_;
  my $n = syswrite($to, $$bytes);
  if (!defined $n) { finish($pair, 1) unless passing(); return }
  substr($$bytes, 0, $n, '');
  return if length $$bytes;
  delete $writes{fileno $to}; $reads{fileno $from} = sub { take($pair, $from, $to) };
}
sub stream {
  my ($listener, $protocol, $port) = @_;
  if (!accept(my $client, $listener)) { select(undef, undef, undef, 0.1) unless passing() }
  elsif (my $server = opened(SOCK_STREAM, $protocol, $port)) {
    fcntl($client, F_SETFL, O_RDWR | O_NONBLOCK);
    my $pair = { open => 2, ends => [$client, $server] };
    $reads{fileno $client} = sub { take($pair, $client, $server) };
    $reads{fileno $server} = sub { take($pair, $server, $client) };
  }
}
sub datagram {
  my ($listener, $port) = @_;
  defined(my $client = recv($listener, my $packet, CHUNK, 0)) or return;
  my $key = fileno($listener) . ":$client";
  if (!$sessions{$key}) {
    return if keys %sessions >= SESSIONS;
    my $socket = opened(SOCK_DGRAM, 0, $port) or return;
    $sessions{$key} = { socket => $socket };
    $reads{fileno $socket} = sub {
      return unless defined recv($socket, my $answer, CHUNK, 0);
      $sessions{$key}{at} = time; send($listener, $answer, 0, $client);
    };
  }
  $sessions{$key}{at} = time; send($sessions{$key}{socket}, $packet, 0);
}
sub forget { my $old = delete $sessions{+shift}; delete $reads{fileno $old->{socket}} }
my $orders = inherited('<&='); # 3: the lowest, and first when there is more to read
$reads{fileno $orders} = sub {
  my $n = sysread($orders, my $bytes, 4096);
  exit 0 if defined $n ? !$n : !passing();
  $said .= $bytes // '';
  my $before = $target;
  $target = length $1 ? inet_aton($1) // '' : '' while $said =~ s/^(.*)\n//;
  if ($target ne $before) { forget($_) for keys %sessions }
};
for (@ARGV) {
  my ($protocol, $port) = split '/';
  my $listener = inherited('+<&=');
  if ($protocol eq 'udp') { $reads{fileno $listener} = sub { datagram($listener, $port) }; next }
  listen($listener, SOMAXCONN);
  $reads{fileno $listener} = sub { stream($listener, $protocol eq 'sctp' ? SCTP : 0, $port) };
}
${MOVE_TO_MONITORS}
while (1) {
  my ($r, $w) = ('', ''); vec($r, $_, 1) = 1 for keys %reads; vec($w, $_, 1) = 1 for keys %writes;
  next if select($r, $w, undef, %sessions ? 10 : undef) < 0;
  for my $fd (keys %writes) { $writes{$fd}->() if vec($w, $fd, 1) && $writes{$fd} }
  for my $fd (sort { $a <=> $b } keys %reads) { $reads{$fd}->() if vec($r, $fd, 1) && $reads{$fd} }
  forget($_) for grep { $sessions{$_}{at} < time - IDLE } keys %sessions;
}
`;

/**
 * Takes what comes to ports of IPv6 to a container, which has an address of IPv4: no rule of a firewall can. A small process
 * does it, which lives as long as somebody has the descriptor that {@link start} answers with.
 */
export class PortRelay {
  readonly #path: string;

  /** @param path of a pipe by which it is told where the container is, whoever started it. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * @param taken are its own from now on. @param prefix put before a command, it runs where the container is reached.
   * @returns a descriptor: it ends when nobody has that any more. @throws {RuntimeUnavailableError} no Perl.
   */
  start(taken: readonly TakenPort[], prefix: readonly string[]): number {
    this.forget();
    mkdirSync(dirname(this.#path), { recursive: true, mode: 0o700 });
    makeFifo(this.#path, 0o600);
    return this.restart(taken, prefix);
  }

  /** In place of one that was killed, as {@link start}: whoever keeps that alive keeps this. */
  restart(taken: readonly TakenPort[], prefix: readonly string[]): number {
    const perl = requiredPerl('ports on IPv6 (-p 0.0.0.0:8080:80 does without)');
    const orders = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    const lifeline = openSync(this.#path, constants.O_WRONLY);
    const ports = taken.map(({ port }) => `${port.protocol}/${port.containerPort}`);
    const [program = '', ...args] = [...prefix, perl, '-e', RELAY, ...ports, this.#path];
    const stdio = ['ignore' as const, 'ignore' as const, 'ignore' as const, orders];
    const child = startProgram(program, args, {
      cwd: '/',
      env: moveEnvironment(),
      stdio: [...stdio, ...taken.map(({ fd }) => fd)],
      detached: true,
    });
    child.on('error', () => {}); // its ports are closed then
    child.unref();
    for (const fd of [orders, ...taken.map((one) => one.fd)]) closeSync(fd);
    return lifeline;
  }

  /** Whether it was killed, and what keeps it alive was not. */
  get isLost(): boolean {
    try {
      closeSync(openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK));
      return false;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENXIO') return false; // there is none
    }
    const fd = openSync(this.#path, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      readSync(fd, Buffer.alloc(PIPE_BYTES));
      return false; // the end
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EAGAIN';
    } finally {
      closeSync(fd);
    }
  }

  /** Where the container is now; '' is nowhere. Nothing is wrong if there is no relay. */
  lead(address: string): void {
    let fd: number;
    try {
      fd = openSync(this.#path, constants.O_WRONLY | constants.O_NONBLOCK);
    } catch {
      return; // it has ended
    }
    writeSync(fd, `${address}\n`);
    closeSync(fd);
  }

  /** It ends by itself. */
  forget(): void {
    rmSync(this.#path, { force: true });
  }
}
