import { call } from './libc.js';

const TCGETATTR = 'int tcgetattr(int fd, void *attributes)';
const TCSETATTR = 'int tcsetattr(int fd, int when, const void *attributes)';

/** What `struct termios` has at most; its second word are the flags of output, on all machines that Node runs on. */
const ATTRIBUTES_BYTES = 256;
const OUTPUT_FLAGS = 4;
const OPOST = 1;
const NOW = 0;

/** What is written to a terminal is shown as it is: Node's raw mode still makes `\r\n` of each `\n`. */
export function showUnchanged(descriptor: number): void {
  const attributes = Buffer.alloc(ATTRIBUTES_BYTES);
  call(TCGETATTR, 'a terminal', [descriptor, attributes]);
  // x64 and arm64 have the low byte first.
  attributes.writeUInt8(attributes.readUInt8(OUTPUT_FLAGS) & ~OPOST, OUTPUT_FLAGS);
  call(TCSETATTR, 'a terminal', [descriptor, NOW, attributes]);
}
