/** What is to be built, or a source of ADD, cannot be had. */
export class FetchError extends Error {
  override readonly name = 'FetchError';
}

/** An address without the user and password in it, for messages. */
export function shownUrl(url: string): string {
  return url.replace(/^([a-z][a-z0-9+.-]*:\/\/)[^/@]*@/i, '$1');
}
