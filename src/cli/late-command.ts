import { type AddHelpTextContext, type AddHelpTextPosition, Command, Help, type Option } from 'commander';
import { takeBooleanValues } from './boolean-flags.js';

/**
 * A command whose options are made only once it is known to be the one: all commands together have two hundred, which take
 * as long to make as all else that a command line needs. Nothing may be parsed or explained before {@link complete}.
 */
export class LateCommand extends Command {
  /** What is still to be done, in order; `undefined` once it was. */
  #late: (() => unknown)[] | undefined = [];
  #hasLateOptions = false;

  override createCommand(name?: string): LateCommand {
    return new LateCommand(name);
  }

  override option(flags: string, description?: string, ...more: unknown[]): this {
    // Whoever called has kept to one of the two forms there are.
    return this.#later({ option: true }, () => super.option(flags, description, ...(more as [])));
  }

  override addOption(option: Option): this {
    return this.#later({ option: true }, () => super.addOption(option));
  }

  override addHelpText(
    position: AddHelpTextPosition,
    text: string | ((context: AddHelpTextContext) => string),
  ): this {
    const write = typeof text === 'string' ? () => text : text;
    return this.#later({ option: false }, () => super.addHelpText(position, write));
  }

  override parseOptions(args: string[]): ReturnType<Command['parseOptions']> {
    return super.parseOptions(takeBooleanValues(this, args));
  }

  /** Makes what was put off; from now on, nothing is. */
  complete(): this {
    const late = this.#late ?? [];
    this.#late = undefined;
    this.#hasLateOptions = false;
    for (const make of late) make();
    return this;
  }

  /** Completes the command that these arguments call, and those that lead to it. */
  completeCalled(args: readonly string[]): void {
    this.complete();
    const [name, ...rest] = args.filter((arg) => !arg.startsWith('-') && arg !== 'help');
    const called = this.#commands().find(
      (each) => each.name() === name || each.aliases().includes(name ?? ''),
    );
    called?.completeCalled(rest);
  }

  completeAll(): void {
    this.complete();
    for (const command of this.#commands()) command.completeAll();
  }

  /** Whether there are options to be made. */
  get hasLateOptions(): boolean {
    return this.#hasLateOptions;
  }

  #commands(): LateCommand[] {
    return this.commands.filter((command) => command instanceof LateCommand);
  }

  #later({ option }: { option: boolean }, make: () => unknown): this {
    if (this.#late === undefined) make();
    else {
      this.#late.push(make);
      this.#hasLateOptions ||= option;
    }
    return this;
  }
}

/** How a command is listed in the help of the one above: as commander does it, with the options that are not made yet. */
export function subcommandTerm(command: Command): string {
  const term = new Help().subcommandTerm(command);
  const isLate = command instanceof LateCommand && command.hasLateOptions;
  return isLate ? term.replace(/^\S+/, '$& [options]') : term;
}
