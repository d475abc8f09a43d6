/** Without a host it stands for every address of the machine. */
export type Address = Readonly<{ host?: string; port: number }>;

/**
 * Go's notation: `host:port`, `:port`, `[::1]:port`.
 * @returns `undefined` for text that is none.
 */
export function parseAddress(text: string): Address | undefined {
  const [, bracketed, plain = '', port = ''] =
    /^(?:\[([^[\]\s]*)\]|([^:[\]\s]*)):(\d{1,5})$/.exec(text) ?? [];
  if (port === '' || Number(port) > 65_535) return undefined;
  const host = bracketed ?? plain;
  return { ...(host === '' ? {} : { host }), port: Number(port) };
}
