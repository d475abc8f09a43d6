import { didYouMean } from '../../../spelling/index.js';
import type { Flags } from '../flags.js';
import type { Device, RunInstruction } from '../instruction.js';
import { MountError } from '../mount-values.js';
import { refuseMount } from '../mounts.js';
import { type InstructionParser, required } from '../statement.js';
import { parseCommand } from './command.js';

export const run: InstructionParser = {
  flags: { mount: 'list', network: 'string', security: 'string', device: 'list' },
  parse: (statement, flags) => {
    required(statement, 'a command');
    return {
      kind: 'run',
      command: parseCommand(statement),
      mounts: mountsOf(flags),
      network: oneOf(flags, 'network', NETWORKS),
      security: oneOf(flags, 'security', SECURITIES),
      devices: flags.texts('device').map((text) => parseDevice(text, flags)),
    };
  },
};

const NETWORKS: readonly RunInstruction['network'][] = ['default', 'none', 'host'];
const SECURITIES: readonly RunInstruction['security'][] = ['sandbox', 'insecure'];

/** The first one is the default. */
function oneOf<T extends string>(flags: Flags, name: string, values: readonly T[]): T {
  const text = flags.text(name);
  const found = values.find((value) => value === (text ?? values[0]));
  if (found !== undefined) return found;
  const nearest = didYouMean(text ?? '', values);
  throw flags.problem(name, `--${name} is ${values.join(', ')}, not ${JSON.stringify(text)}${nearest}`);
}

/** Values may hold variables still, so that only what never can be right is refused here. */
function mountsOf(flags: Flags): readonly string[] {
  for (const text of flags.texts('mount')) {
    try {
      refuseMount(text);
    } catch (error) {
      if (error instanceof MountError) throw flags.problem('mount', error.message);
      throw error;
    }
  }
  return flags.texts('mount');
}

/** `vendor.com/class=name[,required]`. */
function parseDevice(text: string, flags: Flags): Device {
  const [name = '', ...options] = text.split(',');
  const wrong = options.find((option) => !/^required(=(true|false))?$/i.test(option));
  if (name === '') throw flags.problem('device', '--device needs a name');
  if (wrong !== undefined) {
    throw flags.problem(
      'device',
      `unexpected option ${JSON.stringify(wrong)} of --device; there is required`,
    );
  }
  return { name, required: options.some((option) => !/=false$/i.test(option)) };
}
