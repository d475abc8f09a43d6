import type { BuildFlags } from './build-flags.js';
import {
  type BuildProgress,
  JsonBuildProgress,
  PlainBuildProgress,
  QUIET_BUILD_PROGRESS,
} from './build-progress.js';
import { TerminalBuildProgress } from './build-progress-terminal.js';

/** On standard error: what a build prints is its result. */
export function openBuildProgress({
  quiet,
  progress = 'auto',
}: Pick<BuildFlags, 'quiet' | 'progress'>): BuildProgress {
  if (quiet === true) return QUIET_BUILD_PROGRESS;
  switch (progress) {
    case 'quiet':
      return QUIET_BUILD_PROGRESS;
    case 'json':
    case 'rawjson':
      return new JsonBuildProgress(process.stderr);
    case 'auto':
    case 'tty':
      return process.stderr.isTTY
        ? new TerminalBuildProgress(process.stderr)
        : new PlainBuildProgress(process.stderr);
    default:
      return new PlainBuildProgress(process.stderr);
  }
}
