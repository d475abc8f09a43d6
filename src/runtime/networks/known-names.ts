import { findProgram, startProgram } from '../programs.js';
import type { Connection } from './netavark.js';
import { networkProgram } from './network-programs.js';

/** Asks until there is an address, whether or not somebody still waits for that. Only who is in the network is told. */
const ASK = String.raw`
use strict; use warnings; use Socket;
my ($server, $name, $seconds) = @ARGV;
alarm $seconds;
my $labels = join '', map { pack 'C/a*', $_ } split /\./, $name;
my $query = pack('n6', 1, 0x100, 1, 0, 0, 0) . $labels . pack('Cnn', 0, 1, 1);
socket(my $socket, AF_INET, SOCK_DGRAM, 0) or exit;
connect($socket, pack_sockaddr_in(53, inet_aton($server))) or exit;
while (1) {
  send($socket, $query, 0);
  my $r = ''; vec($r, fileno $socket, 1) = 1;
  select($r, undef, undef, 0.1);
  my $answer = '';
  exit if defined recv($socket, $answer, 512, MSG_DONTWAIT) && length $answer > 8 && unpack('x6n', $answer);
  select(undef, undef, undef, 0.005);
}
`;

/**
 * Resolves once the name server knows a container that has just come into networks: it is told by a signal, and takes its time.
 * What is asked for before that does not exist.
 * @param seconds how long that is waited for at most.
 */
export async function untilNamed(
  namespace: string,
  added: readonly Connection[],
  seconds: number,
): Promise<void> {
  await Promise.all(added.map((connection) => untilNamedIn(namespace, connection, seconds)));
}

async function untilNamedIn(namespace: string, { endpoint }: Connection, seconds: number): Promise<void> {
  const name = endpoint.dnsNames.find(isLabel);
  const perl = findProgram('perl');
  if (endpoint.dnsServer === '' || name === undefined || perl === undefined) return;
  const args = [`--net=${namespace}`, perl, '-e', ASK, endpoint.dnsServer, name, String(seconds)];
  const asking = startProgram(networkProgram('nsenter'), args, { stdio: 'ignore' });
  await new Promise((resolve) => asking.once('error', resolve).once('exit', resolve));
}

/** Its short id is one in any case. RFC 1035, 2.3.4. */
function isLabel(name: string): boolean {
  return /^[a-z0-9_-]{1,63}$/.test(name);
}
