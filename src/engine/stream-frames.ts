/** What a frame carries; 0 would be what goes to the container. */
export type FrameStream = 'stdout' | 'stderr';

const NUMBERS: Readonly<Record<FrameStream, number>> = { stdout: 1, stderr: 2 };
const HEADER_BYTES = 8;

/** Media types of attached streams: with frames, or as they come from a terminal. */
export const MULTIPLEXED = 'application/vnd.docker.multiplexed-stream';
export const RAW = 'application/vnd.docker.raw-stream';
/** The first version of the API that tells the two apart. */
const MULTIPLEXED_SINCE = 42;

/** @param version the minor version of the API that the client speaks. */
export function streamType(options: Readonly<{ tty: boolean; version: number }>): string {
  return options.tty || options.version < MULTIPLEXED_SINCE ? RAW : MULTIPLEXED;
}

/** The eight bytes before the content: stream, three zeros, length of 32 bits, big-endian. */
export function frameHeader(stream: FrameStream, bytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = NUMBERS[stream];
  header.writeUInt32BE(bytes, 4);
  return header;
}
