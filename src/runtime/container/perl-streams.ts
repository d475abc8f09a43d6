import { READER_GONE } from '../../oci/index.js';

/**
 * Perl's `put(FD, BYTES)`, for programs that import EAGAIN, EINTR, EPIPE and ECONNRESET: writes them all, also where the
 * descriptor does not wait by itself. When nobody takes them the program ends with {@link READER_GONE}, and says on its
 * fd 2 why, unless the reader went away: a pipe tells of that by EPIPE, a socket that was full by ECONNRESET too.
 */
export const PUT = `
sub put {
  my ($fd, $bytes) = @_;
  while (length $bytes) {
    my $n = POSIX::write($fd, $bytes, length $bytes);
    if (defined $n) { substr($bytes, 0, $n, ''); next }
    if ($! != EAGAIN && $! != EINTR) {
      print STDERR "berth: cannot write the output: $!\\n" unless $! == EPIPE || $! == ECONNRESET;
      exit ${READER_GONE};
    }
    my $w = ''; vec($w, $fd, 1) = 1; select(undef, $w, undef, 1);
  }
}`;

/**
 * Perl's `typed(BYTES)`: what of them goes on, where `@keys` are the bytes that leave a session; those are kept back until it
 * is clear that they are no more than the beginning. When they are complete it calls `left`.
 */
export const TYPED = `
my $matched = 0;
sub typed {
  my ($bytes) = @_; return $bytes unless @keys; my $out = '';
  for my $byte (unpack 'C*', $bytes) {
    if ($byte == $keys[$matched]) { next if ++$matched < @keys; left(); return '' }
    $out .= pack('C*', @keys[0 .. $matched - 1], $byte); $matched = 0;
  }
  return $out;
}`;
