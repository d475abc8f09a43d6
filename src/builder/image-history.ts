import type { HistoryEntry, ImageConfig } from '../oci/index.js';

const COMMENT = 'buildkit.dockerfile.v0';

/** An entry whose time is known only when the image is complete. */
type Step = Readonly<{ entry: HistoryEntry; isBase: boolean }>;

/** What an image tells of how it was made: entries of its base, and after them its own. */
export class ImageHistory {
  #steps: Step[];
  readonly #baseCreated: string | undefined;

  private constructor(steps: readonly Step[], baseCreated: string | undefined) {
    this.#steps = [...steps];
    this.#baseCreated = baseCreated;
  }

  static of({ history = [], created }: ImageConfig): ImageHistory {
    return new ImageHistory(
      history.map((entry) => ({ entry, isBase: true })),
      created,
    );
  }

  clone(): ImageHistory {
    return new ImageHistory(this.#steps, this.#baseCreated);
  }

  /** An instruction that made a layer. */
  add(createdBy: string, created: string): void {
    this.#push({ created, created_by: createdBy, comment: COMMENT });
  }

  /** One that made none. */
  note(createdBy: string): void {
    this.#push({ created_by: createdBy, comment: COMMENT, empty_layer: true });
  }

  /** Own layers are one from here on. */
  squash(created: string): void {
    const own = this.#steps.filter(({ isBase }) => !isBase).length;
    this.#steps = this.#steps.map((step) =>
      step.isBase ? step : { ...step, entry: { ...step.entry, empty_layer: true } },
    );
    this.#push({ created, comment: `merge of ${own} steps` });
  }

  /**
   * Entries without a layer get the time of the layer before them, or after.
   * @param epoch instead of all times of this build.
   */
  entries(epoch: string | undefined): HistoryEntry[] {
    const entries = this.#steps.map(({ entry, isBase }) =>
      isBase || epoch === undefined ? entry : { ...entry, created: epoch },
    );
    let last = entries.find(({ created }) => created !== undefined)?.created ?? this.#baseCreated;
    return entries.map((entry, i) => {
      last = entry.created ?? last;
      const isOwn = this.#steps[i]?.isBase === false;
      return isOwn && last !== undefined ? { created: last, ...entry } : entry;
    });
  }

  #push(entry: HistoryEntry): void {
    this.#steps.push({ entry, isBase: false });
  }
}
