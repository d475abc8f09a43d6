import type { Finding } from './dockerfile.js';
import type { Location } from './location.js';

/** A build check. Names, words and addresses are BuildKit's, which people have in their scripts. */
export type Rule = Readonly<{
  description: string;
  /** @param parts what the message speaks of, in its order. */
  format: (...parts: string[]) => string;
  /** Only with `experimental=`. */
  experimental?: true;
  /** Has no page of its own. */
  undocumented?: true;
}>;

const hint = (suggestion: string | undefined): string => (suggestion ? ` (did you mean ${suggestion}?)` : '');

export const RULES = {
  StageNameCasing: {
    description: 'Stage names should be lowercase',
    format: (name) => `Stage name '${name}' should be lowercase`,
  },
  FromAsCasing: {
    description: "The 'as' keyword should match the case of the 'from' keyword",
    format: (from, as) => `'${as}' and '${from}' keywords' casing do not match`,
  },
  NoEmptyContinuation: {
    description: 'Empty continuation lines will become errors in a future release',
    format: () => 'Empty continuation line',
  },
  ConsistentInstructionCasing: {
    description: 'All commands within the Dockerfile should use the same casing (either upper or lower)',
    format: (name, casing) => `Command '${name}' should match the case of the command majority (${casing})`,
  },
  DuplicateStageName: {
    description: 'Stage names should be unique',
    format: (name) => `Duplicate stage name ${JSON.stringify(name)}, stage names should be unique`,
  },
  ReservedStageName: {
    description: 'Reserved words should not be used as stage names',
    format: (name) => `Stage name should not use the same name as reserved stage ${JSON.stringify(name)}`,
  },
  JSONArgsRecommended: {
    description:
      'JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS signals',
    format: (name) =>
      `JSON arguments recommended for ${name} to prevent unintended behavior related to OS signals`,
  },
  MaintainerDeprecated: {
    description: 'The MAINTAINER instruction is deprecated, use a label instead to define an image author',
    format: () => 'Maintainer instruction is deprecated in favor of using label',
  },
  UndefinedArgInFrom: {
    description: 'FROM command must use declared ARGs',
    format: (name, suggestion) => `FROM argument '${name}' is not declared${hint(suggestion)}`,
  },
  WorkdirRelativePath: {
    description:
      'Relative workdir without an absolute workdir declared within the build can have unexpected results if the base image changes',
    format: (path) =>
      `Relative workdir ${JSON.stringify(path)} can have unexpected results if the base image changes`,
  },
  UndefinedVar: {
    description: 'Variables should be defined before their use',
    format: (name, suggestion) =>
      `Usage of undefined variable '$${name}'${hint(suggestion && `$${suggestion}`)}`,
  },
  MultipleInstructionsDisallowed: {
    description: 'Multiple instructions of the same type should not be used in the same stage',
    format: (name) =>
      `Multiple ${name} instructions should not be used in the same stage because only the last one will be used`,
  },
  LegacyKeyValueFormat: {
    description: 'Legacy key/value format with whitespace separator should not be used',
    format: (name) => `"${name} key=value" should be used instead of legacy "${name} key value" format`,
  },
  InvalidBaseImagePlatform: {
    description: 'Base image platform does not match expected target platform',
    format: (image, expected, actual) =>
      `Base image ${image} was pulled with platform "${actual}", expected "${expected}" for current build`,
    undocumented: true,
  },
  RedundantTargetPlatform: {
    description:
      'Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
    format: (platform) =>
      `Setting platform to predefined ${platform} in FROM is redundant as this is the default behavior`,
  },
  SecretsUsedInArgOrEnv: {
    description: 'Sensitive data should not be used in the ARG or ENV commands',
    format: (instruction, name) =>
      `Do not use ARG or ENV instructions for sensitive data (${instruction} ${JSON.stringify(name)})`,
  },
  InvalidDefaultArgInFrom: {
    description: 'Default value for global ARG results in an empty or invalid base image name',
    format: (base) => `Default value for ARG ${base} results in empty or invalid base image name`,
  },
  FromPlatformFlagConstDisallowed: {
    description: 'FROM --platform flag should not use a constant value',
    format: (platform) => `FROM --platform flag should not use constant value ${JSON.stringify(platform)}`,
  },
  CopyIgnoredFile: {
    description: 'Attempting to Copy file that is excluded by .dockerignore',
    format: (command, file) =>
      `Attempting to ${command} file ${JSON.stringify(file)} that is excluded by .dockerignore`,
  },
  InvalidDefinitionDescription: {
    description:
      'Comment for build stage or argument should follow the format: `# <arg/stage name> <description>`. If this is not intended to be a description comment, add an empty line or comment between the instruction and the comment.',
    format: (instruction, name) =>
      `Comment for ${instruction} should follow the format: \`# ${name} <description>\``,
    experimental: true,
  },
  ExposeProtoCasing: {
    description: 'Protocol in EXPOSE instruction should be lowercase',
    format: (port) => `Defined protocol '${port}' in EXPOSE instruction should be lowercase`,
  },
  ExposeInvalidFormat: {
    description:
      'IP address and host-port mapping should not be used in EXPOSE instruction. This will become an error in a future release',
    format: (port) =>
      `EXPOSE instruction should not define an IP address or host-port mapping, found '${port}'`,
  },
} as const satisfies Readonly<Record<string, Rule>>;

export type RuleName = keyof typeof RULES;

/** What a rule has to say of a place. */
export function finding(name: RuleName, parts: readonly string[], { line, endLine }: Location): Finding {
  const rule: Rule = RULES[name];
  const page = name.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
  return {
    rule: name,
    description: rule.description,
    ...(rule.undocumented ? {} : { url: `https://docs.docker.com/go/dockerfile/rule/${page}/` }),
    message: rule.format(...parts),
    line,
    endLine,
  };
}
