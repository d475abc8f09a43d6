import { Option } from 'commander';

/** Another program's name for an option of ours: hidden, and setting the same value. */
export class OptionAlias extends Option {
  readonly #target: string;

  /** @param target where the value goes: the other option's name in camel case. */
  constructor(flags: string, target: string) {
    super(flags);
    this.#target = target;
    this.hideHelp();
  }

  override attributeName(): string {
    return this.#target;
  }
}
