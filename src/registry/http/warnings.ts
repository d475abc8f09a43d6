import type { RepositoryName } from '../../oci/index.js';
import type { RegistryContext } from './registry.js';

/** Something to tell the people who use a repository. From the configuration, `berth.warnings`. */
export type RepositoryWarning = Readonly<{ matches: (repository: RepositoryName) => boolean; text: string }>;

/** For all warnings of an answer. @see distribution-spec spec.md, "Warnings" */
const MAX_BYTES = 4096;

/**
 * Adds a note for the person behind the client to the answer, in the one form that clients parse. One for which there is
 * no room is left out.
 * @param text printable ASCII.
 */
export function warn(ctx: RegistryContext, text: string): void {
  const before = [ctx.res.getHeader('Warning') ?? []].flat().map(String);
  const lines = [...before, `299 - "${text.replace(/["\\]/g, '\\$&')}"`];
  if (lines.join('').length <= MAX_BYTES) ctx.res.setHeader('Warning', lines);
}
