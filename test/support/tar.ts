const BLOCK_BYTES = 512;

/** An archive of regular executable files by path, the same bytes each time. Paths have at most 100 characters. */
export function tarOf(files: Readonly<Record<string, Uint8Array>>): Buffer {
  const members = Object.entries(files).flatMap(([path, bytes]) => [
    header(path, bytes.length),
    bytes,
    Buffer.alloc(-bytes.length & (BLOCK_BYTES - 1)),
  ]);
  return Buffer.concat([...members, Buffer.alloc(2 * BLOCK_BYTES)]);
}

/** POSIX.1-1988 "ustar". */
export function header(path: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK_BYTES);
  block.write(path, 0);
  block.write(octal(0o755, 8), 100);
  block.write(octal(0, 8), 108);
  block.write(octal(0, 8), 116);
  block.write(octal(size, 12), 124);
  block.write(octal(0, 12), 136);
  block.fill(' ', 148, 156); // the checksum counts itself as spaces
  block.write('0', 156);
  block.write('ustar\0' + '00', 257);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum, 7)} `, 148);
  return block;
}

function octal(value: number, width: number): string {
  return `${value.toString(8).padStart(width - 1, '0')}\0`;
}
