/** `[build 2/4]`, as BuildKit counts: steps that make a layer, and FROM of an image. */
export class StepNumbers {
  readonly #label: string;
  #last = 0;
  /** Grows when the base image brings triggers. */
  total = 0;

  constructor(label: string) {
    this.#label = label;
  }

  next(): string {
    this.#last += 1;
    const width = String(this.total).length;
    const label = this.#label === '' ? '' : `${this.#label} `;
    return `[${label}${String(this.#last).padStart(width)}/${this.total}]`;
  }
}
