import type { LoadedConfig } from '../../registry/config/index.js';
import type { OpenStore } from '../open-store.js';
import { addressCheck } from './address.js';
import { certificateCheck } from './certificate.js';
import { clockCheck } from './clock.js';
import { configurationCheck } from './configuration.js';
import type { Check } from './diagnosis.js';
import { fileSystemCheck } from './file-system.js';
import { freeSpaceCheck } from './free-space.js';
import { indexCheck } from './index-agreement.js';
import { integrityCheck } from './integrity.js';
import { openFilesCheck } from './open-files.js';
import { orphansCheck } from './orphans.js';
import { passwordsCheck } from './passwords.js';
import { rootDirectoryCheck } from './root-directory.js';
import { tokenKeysCheck } from './token-keys.js';

/** A registry where it runs: its configuration, and what that names. */
export type Machine = Readonly<{
  loaded: LoadedConfig;
  /** Where the configuration comes from, if it is a file. */
  file: string | undefined;
  env: NodeJS.ProcessEnv;
  /** `undefined` where there is none yet, or it ends with the process. */
  opened: (OpenStore & { indexed: boolean }) | undefined;
}>;

export const MACHINE_CHECKS: readonly Check<Machine>[] = [
  configurationCheck,
  rootDirectoryCheck,
  fileSystemCheck,
  freeSpaceCheck,
  clockCheck,
  openFilesCheck,
  addressCheck,
  certificateCheck,
  passwordsCheck,
  tokenKeysCheck,
  indexCheck,
  integrityCheck,
  orphansCheck,
];
