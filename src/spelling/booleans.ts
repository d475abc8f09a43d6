/** `1`, `t`, `true` and their opposites, in any case of letters, as Go reads them. @returns `undefined` for other text. */
export function findBoolean(text: string): boolean | undefined {
  if (/^(1|t|true)$/i.test(text)) return true;
  return /^(0|f|false)$/i.test(text) ? false : undefined;
}
