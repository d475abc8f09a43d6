/** The index cannot be used now: its disk is full or failing, or its database is away. The files are still the truth. */
export class IndexUnavailableError extends Error {
  override readonly name = 'IndexUnavailableError';
}
