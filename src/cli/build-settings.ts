import { type CheckOptions, parseCheckOptions } from '../builder/index.js';
import { findBoolean } from '../spelling/index.js';
import { UsageError } from './failure.js';

/** What build arguments tell the builder itself, by BuildKit's names. */
export type BuildSettings = Readonly<{
  /** Contexts and sources of git keep their history. */
  keepGitDirectory: boolean;
  /** The image's configuration holds the cache of its steps. */
  inlineCache: boolean;
  /** One platform makes an index too. */
  alwaysIndex: boolean;
  /** Instead of the file's own `# check=`. */
  check?: CheckOptions;
}>;

/** @throws {UsageError} a value that means nothing. */
export function settingsOf(buildArgs: ReadonlyMap<string, string>): BuildSettings {
  const check = buildArgs.get('BUILDKIT_DOCKERFILE_CHECK');
  return {
    keepGitDirectory: isOn(buildArgs, 'BUILDKIT_CONTEXT_KEEP_GIT_DIR'),
    inlineCache: isOn(buildArgs, 'BUILDKIT_INLINE_CACHE'),
    alwaysIndex: isOn(buildArgs, 'BUILDKIT_MULTI_PLATFORM'),
    ...(check !== undefined && check !== '' && { check: checkOptionsIn(check) }),
  };
}

function isOn(buildArgs: ReadonlyMap<string, string>, name: string): boolean {
  const value = buildArgs.get(name) || '0';
  const isSet = findBoolean(value);
  if (isSet === undefined) throw new UsageError(`--build-arg ${name}=${value}: it is 1 or 0`);
  return isSet;
}

function checkOptionsIn(text: string): CheckOptions {
  try {
    return parseCheckOptions(text);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`--build-arg BUILDKIT_DOCKERFILE_CHECK=${text}: ${reason}`, { cause: error });
  }
}
