/** The index cannot be used now: its disk is full or failing, or its database is away. The files are still the truth. */
export class IndexUnavailableError extends Error {
  override readonly name = 'IndexUnavailableError';
  /** Whether that is so for everybody, and not only for us or for a moment: then nobody removes anything either. */
  readonly forAll: boolean;
  constructor(message: string, { forAll = false, ...options }: ErrorOptions & { forAll?: boolean } = {}) {
    super(message, options);
    this.forAll = forAll;
  }
}
