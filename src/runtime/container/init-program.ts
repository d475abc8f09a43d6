import { RuntimeUnavailableError } from '../errors.js';
import { findProgram } from '../programs.js';
import type { SpecMount } from '../spec.js';

/** Linked statically, so that they run in any image; they take the same arguments. */
const PROGRAMS = ['docker-init', 'tini-static', 'catatonit'];
/** As docker has it. */
const PATH = '/sbin/docker-init';

/** A first process that hands signals on and reaps: `--init`. */
export type InitProgram = Readonly<{ mount: SpecMount; args: (command: readonly string[]) => string[] }>;

/** @throws {RuntimeUnavailableError} there is none on this machine. */
export function initProgram(): InitProgram {
  const source = PROGRAMS.map((name) => findProgram(name)).find((path) => path !== undefined);
  if (source === undefined)
    throw new RuntimeUnavailableError(
      '--init needs a small init program, and there is none here: install the package tini or catatonit',
    );
  return {
    mount: { destination: PATH, type: 'bind', source, options: ['bind', 'rprivate', 'ro'] },
    args: (command) => [PATH, '--', ...command],
  };
}
