import { InvalidVolumeError } from './volume-errors.js';

/** What mount(8) is to be given for a volume. */
export type OptionMount = Readonly<{ type: string; device: string; options: string }>;

/** Those of docker's local driver, each with what it needs beside it. */
const NEEDS: ReadonlyMap<string, readonly string[]> = new Map([
  ['type', ['device']],
  ['device', ['type']],
  ['o', ['device', 'type']],
]);

/** @throws {InvalidVolumeError} options that docker's local driver would not take. */
export function expectVolumeOptions(options: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(options)) {
    if (name === 'size')
      throw new InvalidVolumeError(
        `quota size requested but no quota support: size=${value} needs project quotas; type=tmpfs takes o=size=${value}`,
      );
    const needed = NEEDS.get(name);
    if (needed === undefined) throw new InvalidVolumeError(`invalid option: ${JSON.stringify(name)}`);
    for (const other of needed) {
      if (!options[other]) throw new InvalidVolumeError(`missing required option: ${JSON.stringify(other)}`);
    }
  }
}

/** @returns `undefined` for a plain directory. */
export function optionMountOf(options: Readonly<Record<string, string>>): OptionMount | undefined {
  const { type, device, o = '' } = options;
  return type === undefined || device === undefined ? undefined : { type, device, options: o };
}
