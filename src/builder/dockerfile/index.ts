/**
 * The language of Dockerfiles: text in, values out. Knows no files, no images, no network.
 *
 * {@link parseDockerfile} gives stages of typed instructions whose words still hold variables; {@link expand} takes
 * these out, with an environment that a builder keeps by the rules in scope.ts. What words mean after that is in
 * mounts.ts, ports.ts, chmod.ts and so on. {@link IgnoreRules} is `.dockerignore`. {@link check} is the linter.
 * Start with instruction.ts and dockerfile.ts, then parse.ts.
 */
export { type CheckContext, check, type KnownBase } from './checks/check.js';
export { isSecretName } from './checks/names.js';
export { type ChangeMode, parseChmod } from './chmod.js';
export { type RunScript, runArguments } from './command.js';
export { parseCheckOptions } from './directives.js';
export type {
  CheckOptions,
  Directives,
  Dockerfile,
  EscapeCharacter,
  Finding,
  Stage,
} from './dockerfile.js';
export { formatDuration, parseDuration } from './duration.js';
export { DockerfileError, formatDockerfileError } from './errors.js';
export { type ExpandOptions, ExpansionError, expand, expandWords, type Lookup } from './expand.js';
export { checkWords, expandableWords } from './expandable.js';
export { expandHeredoc, heredocText } from './heredoc.js';
export { IgnoreRules, IgnoreRulesError } from './ignore-rules.js';
export type {
  AddInstruction,
  AnyInstruction,
  ArgDeclaration,
  ArgInstruction,
  CmdInstruction,
  Command,
  CopyInstruction,
  CopySource,
  Device,
  EntrypointInstruction,
  EnvInstruction,
  ExposeInstruction,
  FromInstruction,
  HealthcheckInstruction,
  Heredoc,
  Instruction,
  KeyValue,
  LabelInstruction,
  MaintainerInstruction,
  OnbuildInstruction,
  RunInstruction,
  ShellInstruction,
  StopsignalInstruction,
  UserInstruction,
  VolumeInstruction,
  WorkdirInstruction,
} from './instruction.js';
export type { Location } from './location.js';
export { BadPatternError, hasWildcards, matchComponent } from './match.js';
export { MountError } from './mount-values.js';
export {
  type BindMount,
  type CacheMount,
  type Mount,
  parseMount,
  parseMounts,
  type SecretMount,
  type SshMount,
  type TmpfsMount,
} from './mounts.js';
export { type Outline, outline, type Target, targets } from './outline.js';
export { parseDockerfile, parseTrigger } from './parse.js';
export { PortError, parsePorts } from './ports.js';
export { printTree } from './print-tree.js';
export { RULES, type Rule, type RuleName } from './rules.js';
export {
  type ArgSources,
  argValue,
  globalScope,
  isProxyArg,
  type Platforms,
  predefinedArgs,
  proxyEnvironment,
  unusedBuildArgs,
} from './scope.js';
export {
  type Base,
  type ExpandedStage,
  expandStages,
  findTarget,
  neededStages,
  resolveSource,
  type SourceStage,
  sourcesOf,
} from './stages.js';
