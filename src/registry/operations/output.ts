import pino from 'pino';

/** Takes one line at a time, newline included. */
export interface LineSink {
  write(line: string): unknown;
}

const FLUSH_BYTES = 16 * 1024;
const MAX_WRITE_BYTES = 64 * 1024;
const FLUSH_MS = 500;
/** Lines that wait for a reader that does not read; further ones are dropped. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

/**
 * Standard output (1) or standard error (2). `buffered` gathers lines and writes them beside the event loop, within a
 * second and at the exit of the process; without it each line is out when `write` returns.
 */
export function openOutput(fd: 1 | 2, options: { buffered: boolean }): LineSink {
  const stream = options.buffered
    ? pino.destination({
        dest: fd,
        sync: false,
        minLength: FLUSH_BYTES,
        maxWrite: MAX_WRITE_BYTES,
        periodicFlush: FLUSH_MS,
        maxLength: MAX_WAITING_BYTES,
      })
    : pino.destination({ dest: fd, sync: true });
  // A log that cannot be written (its disk is full, its reader is gone) is no reason to stop serving.
  stream.on('error', () => {});
  return stream;
}
