/**
 * What is typed, until the detach keys are: then it ends, and `onDetached` is called. Keys that turn out to be others
 * are handed on. @param keys none is never.
 */
export async function* untilDetached(
  input: AsyncIterable<Uint8Array>,
  keys: Uint8Array,
  onDetached: () => void,
): AsyncGenerator<Uint8Array> {
  let matched = 0;
  for await (const chunk of input) {
    const typed: number[] = [];
    for (const byte of chunk) {
      if (byte !== keys[matched]) {
        typed.push(...keys.subarray(0, matched));
        matched = 0; // though this byte may be the first of them
      }
      if (byte !== keys[matched]) typed.push(byte);
      else if (++matched === keys.length) {
        if (typed.length > 0) yield Uint8Array.from(typed);
        return onDetached();
      }
    }
    if (typed.length > 0) yield Uint8Array.from(typed);
  }
}
