import { type AddHelpTextContext, type AddHelpTextPosition, Command, Help, type Option } from 'commander';
import { countOptions, takeBooleanValues } from './boolean-flags.js';

const HELP_FLAGS = ['-h', '--help'];
/** Switches of the whole program that may stand behind a command too. */
const ANYWHERE = ['--debug', '--insecure-policy'];

/**
 * A command whose options are made only once it is known to be the one: all commands together have two hundred, which take
 * as long to make as all else that a command line needs. Nothing may be parsed or explained before {@link complete}.
 */
export class LateCommand extends Command {
  /** What is still to be done, in order; `undefined` once it was. */
  #late: (() => unknown)[] | undefined = [];
  #hasLateOptions = false;

  #passesThrough = false;

  constructor(name?: string) {
    super(name);
    this.enablePositionalOptions();
  }

  override createCommand(name?: string): LateCommand {
    return new LateCommand(name);
  }

  /** What follows the first argument is not for this command: it is another command line. */
  override passThroughOptions(passThrough = true): this {
    this.#passesThrough = passThrough;
    return super.passThroughOptions(passThrough);
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
    const end = this.#passesThrough ? countOptions(this, args) : args.length;
    const own = this.#takeGlobal(args.slice(0, end));
    const parsed = super.parseOptions([...takeBooleanValues(this, own), ...args.slice(end)]);
    return this.#withoutHelpOfNothing(this.#helpAsked(parsed));
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
    this.#find(name)?.completeCalled(rest);
  }

  completeAll(): void {
    this.complete();
    for (const command of this.#commands()) command.completeAll();
  }

  /** Whether there are options to be made. */
  get hasLateOptions(): boolean {
    return this.#hasLateOptions;
  }

  /** `help network ls` is `network ls --help`: commander would go no deeper than the first name. */
  #helpAsked(parsed: ReturnType<Command['parseOptions']>): ReturnType<Command['parseOptions']> {
    const [word, ...names] = parsed.operands;
    if (word !== 'help' || this.commands.length === 0 || names.length === 0) return parsed;
    const [first = '', ...deeper] = this.#pathOf(names);
    return { operands: [first], unknown: [...deeper, '--help'] };
  }

  /** Those of the names that lead to a command, and the first that does not; what follows a last command is its own. */
  #pathOf([name, ...rest]: readonly string[]): string[] {
    if (name === undefined || this.commands.length === 0) return [];
    const command = this.#find(name);
    return [name, ...(command === undefined ? [] : command.#pathOf(rest))];
  }

  /** Who wants help with a command that there is not is told so, rather than given that of the one above. */
  #withoutHelpOfNothing(parsed: ReturnType<Command['parseOptions']>): ReturnType<Command['parseOptions']> {
    const [name] = parsed.operands;
    const leadsOn = this.commands.length > 0 && name !== undefined;
    if (!leadsOn || name === 'help' || this.#find(name) !== undefined) return parsed;
    return { ...parsed, unknown: parsed.unknown.filter((arg) => !HELP_FLAGS.includes(arg)) };
  }

  #find(name: string | undefined): LateCommand | undefined {
    return this.#commands().find((each) => each.name() === name || each.aliases().includes(name ?? ''));
  }

  #takeGlobal(args: readonly string[]): string[] {
    let root: Command = this;
    while (root.parent !== null) root = root.parent;
    if (root === this) return [...args];
    const end = args.includes('--') ? args.indexOf('--') : args.length;
    return args.filter((arg, i) => {
      const option =
        i < end && ANYWHERE.includes(arg) ? root.options.find(({ long }) => long === arg) : undefined;
      if (option === undefined || this.options.some(({ long }) => long === arg)) return true;
      root.setOptionValueWithSource(option.attributeName(), true, 'cli');
      return false;
    });
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

/** What the help says of an option: as commander does it, but of a list nobody need be told that it is empty at first. */
export function optionDescription(option: Option): string {
  return new Help().optionDescription(option).replace(/ \(default: \[\]\)$/, '');
}
