/**
 * Perl's `put(FD, BYTES)`, for programs that import EAGAIN, EINTR and EPIPE: writes them all, also where the descriptor does
 * not wait by itself. When nobody reads them the program ends with this exit code.
 */
export function putsBytes(unread: number): string {
  return `
sub put {
  my ($fd, $bytes) = @_;
  while (length $bytes) {
    my $n = POSIX::write($fd, $bytes, length $bytes);
    if (defined $n) { substr($bytes, 0, $n, ''); next }
    exit($! == EPIPE ? ${unread} : 1) unless $! == EAGAIN || $! == EINTR;
    my $w = ''; vec($w, $fd, 1) = 1; select(undef, $w, undef, 1);
  }
}`;
}
