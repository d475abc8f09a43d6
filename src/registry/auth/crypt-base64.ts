const DIGITS = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

/**
 * Writes bytes the way crypt(3) does: each group becomes one number, its first byte the highest, and the number's
 * digits of six bits are written lowest first.
 * @param order indexes into `bytes`, in groups of three; a last shorter group gets fewer digits.
 */
export function cryptBase64(bytes: Uint8Array, order: readonly number[]): string {
  let text = '';
  for (let i = 0; i < order.length; i += 3) {
    const group = order.slice(i, i + 3);
    let value = group.reduce((sum, index) => sum * 256 + (bytes[index] ?? 0), 0);
    for (let digits = Math.ceil((group.length * 8) / 6); digits > 0; digits--) {
      text += DIGITS[value % 64];
      value = Math.floor(value / 64);
    }
  }
  return text;
}

/** `bytes` over and over, cut at `length`. */
export function repeated(bytes: Buffer, length: number): Buffer {
  return length === 0 ? Buffer.alloc(0) : Buffer.alloc(length, bytes);
}
