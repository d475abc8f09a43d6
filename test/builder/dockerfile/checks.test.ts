// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { describe, expect, it } from 'vitest';
import {
  type CheckContext,
  check,
  IgnoreRules,
  parseDockerfile,
  RULES,
} from '../../../src/builder/dockerfile/index.js';

const amd64 = { os: 'linux', architecture: 'amd64' };
const platforms = { build: amd64, target: amd64 };

/** `line rule: message`. */
function findings(text: string, context: Partial<CheckContext> = {}): string[] {
  return check(parseDockerfile(text), { platforms, ...context }).map(
    ({ line, rule, message }) => `${line} ${rule}: ${message}`,
  );
}

describe('checks', () => {
  it.each<[text: string, expected: string[]]>([
    ['FROM scratch\nRUN x', []],
    // names of stages
    ['FROM a AS Big', ["1 StageNameCasing: Stage name 'Big' should be lowercase"]],
    [
      'FROM a AS scratch',
      ['1 ReservedStageName: Stage name should not use the same name as reserved stage "scratch"'],
    ],
    [
      'FROM a AS context',
      ['1 ReservedStageName: Stage name should not use the same name as reserved stage "context"'],
    ],
    [
      'FROM a AS b\nFROM a AS b',
      ['2 DuplicateStageName: Duplicate stage name "b", stage names should be unique'],
    ],
    // casing
    ['FROM a as b', ["1 FromAsCasing: 'as' and 'FROM' keywords' casing do not match"]],
    ['from a AS b', ["1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"]],
    ['from a as b\nrun x', []],
    [
      'FROM a\nRUN x\nrun y',
      [
        "3 ConsistentInstructionCasing: Command 'run' should match the case of the command majority (uppercase)",
      ],
    ],
    [
      'from a\nrun x\nRUN y',
      [
        "3 ConsistentInstructionCasing: Command 'RUN' should match the case of the command majority (lowercase)",
      ],
    ],
    [
      'From a',
      [
        "1 ConsistentInstructionCasing: Command 'From' should match the case of the command majority (uppercase)",
      ],
    ],
    // continuation
    ['FROM a\nRUN x \\\n\n y', ['4 NoEmptyContinuation: Empty continuation line']],
    // single instructions
    [
      'FROM a\nCMD x',
      [
        '2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior related to OS signals',
      ],
    ],
    [
      'FROM a\nENTRYPOINT x',
      [
        '2 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended behavior related to OS signals',
      ],
    ],
    ['FROM a\nSHELL ["x"]\nCMD y', []],
    ['FROM a\nCMD ["x"]', []],
    [
      'FROM a\nMAINTAINER x',
      ['2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
    ],
    [
      'FROM a\nENV x y',
      ['2 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format'],
    ],
    [
      'FROM a\nLABEL x y',
      ['2 LegacyKeyValueFormat: "LABEL key=value" should be used instead of legacy "LABEL key value" format'],
    ],
    [
      'FROM a\nCMD ["x"]\nHEALTHCHECK NONE\nCMD ["y"]\nHEALTHCHECK NONE',
      [
        '2 MultipleInstructionsDisallowed: Multiple CMD instructions should not be used in the same stage because only the last one will be used',
        '3 MultipleInstructionsDisallowed: Multiple HEALTHCHECK instructions should not be used in the same stage because only the last one will be used',
      ],
    ],
    ['FROM a\nENTRYPOINT ["x"]\nFROM b\nENTRYPOINT ["x"]', []],
    // secrets
    [
      'FROM a\nARG API_KEY',
      ['2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "API_KEY")'],
    ],
    [
      'FROM a\nENV db_password=x',
      ['2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "db_password")'],
    ],
    [
      'FROM a\nARG TOKEN GITHUB_TOKEN_X auth',
      ['TOKEN', 'GITHUB_TOKEN_X', 'auth'].map(
        (name) =>
          `2 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "${name}")`,
      ),
    ],
    ['FROM a\nARG PUBLIC_KEY KEY_FILE TOKEN_VERSION MONKEY KEYBOARD AUTHOR', []],
    // FROM
    [
      'FROM $A',
      ["1 UndefinedArgInFrom: FROM argument 'A' is not declared"].concat(
        '1 InvalidDefaultArgInFrom: Default value for ARG $A results in empty or invalid base image name',
      ),
    ],
    ['ARG TAG=1\nFROM a:${TGA:-2}', []],
    [
      'ARG VERSION=1\nFROM a:1$VERSIN',
      ["2 UndefinedArgInFrom: FROM argument 'VERSIN' is not declared (did you mean VERSION?)"],
    ],
    [
      'ARG TAG\nFROM a:$TAG',
      ['2 InvalidDefaultArgInFrom: Default value for ARG a:$TAG results in empty or invalid base image name'],
    ],
    ['ARG TAG\nFROM a:${TAG:-1}', []],
    ['ARG TAG=1\nFROM a:$TAG', []],
    ['ARG FLAVOUR\nFROM a:1$FLAVOUR', []],
    ['ARG BASE=Made\nFROM scratch AS made\nFROM $BASE', []],
    ['ARG CPU=amd64\nFROM scratch AS for-amd64\nFROM for-$CPU', []],
    [
      'ARG BASE\nFROM $BASE',
      ['2 InvalidDefaultArgInFrom: Default value for ARG $BASE results in empty or invalid base image name'],
    ],
    [
      'FROM --platform=$TARGETPLATFORM a',
      [
        '1 RedundantTargetPlatform: Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the default behavior',
      ],
    ],
    [
      'FROM --platform=${TARGETPLATFORM} a',
      [
        '1 RedundantTargetPlatform: Setting platform to predefined ${TARGETPLATFORM} in FROM is redundant as this is the default behavior',
      ],
    ],
    ['FROM --platform=$BUILDPLATFORM a', []],
    [
      'FROM --platform=linux/amd64 a',
      ['1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "linux/amd64"'],
    ],
    ['FROM --platform=linux/amd64 a AS build_amd64', []],
    ['FROM --platform=linux/$TARGETARCH a', []],
    // WORKDIR
    [
      'FROM a\nWORKDIR x',
      ['2 WorkdirRelativePath: Relative workdir "x" can have unexpected results if the base image changes'],
    ],
    ['FROM a\nWORKDIR /x\nWORKDIR y', []],
    [
      'FROM a\nWORKDIR x\nWORKDIR y',
      ['2 WorkdirRelativePath: Relative workdir "x" can have unexpected results if the base image changes'],
    ],
    ['FROM a AS b\nWORKDIR /x\nFROM b\nWORKDIR y', []],
    ['FROM a\nARG D=/x\nWORKDIR $D', []],
    ['FROM a\nWORKDIR $HOME', []],
    // variables
    ['FROM scratch\nENV A=$B', ["2 UndefinedVar: Usage of undefined variable '$B'"]],
    [
      'FROM scratch\nENV VERSION=1\nCOPY a$VERSOIN b',
      ["3 UndefinedVar: Usage of undefined variable '$VERSOIN' (did you mean $VERSION?)"],
    ],
    ['FROM scratch\nARG A\nENV B=$A', []],
    ['FROM scratch\nENV A=1 B=$A', ["2 UndefinedVar: Usage of undefined variable '$A'"]],
    ['FROM scratch\nENV A=1\nENV B=$A', []],
    ['FROM scratch\nENV B=${A:-1}', []],
    ['FROM scratch\nENV B=$PATH', []],
    ['FROM scratch\nRUN echo $B', []],
    ['FROM scratch AS a\nENV A=1\nFROM a\nENV B=$A', []],
    ['FROM scratch AS a\nONBUILD ENV A=1\nFROM a\nENV B=$A', []],
    [
      'FROM scratch AS a\nENV A=1\nFROM scratch\nENV B=$A',
      ["4 UndefinedVar: Usage of undefined variable '$A'"],
    ],
    ['ARG A=1\nFROM scratch\nENV B=$A', ["3 UndefinedVar: Usage of undefined variable '$A'"]],
    ['FROM unknown\nENV B=$A', []],
    ['FROM scratch\nCOPY <<E <<"F" /\n$A\nE\n$B\nF', ["2 UndefinedVar: Usage of undefined variable '$A'"]],
    // EXPOSE
    [
      'FROM a\nEXPOSE 80/TCP',
      ["2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase"],
    ],
    [
      'FROM a\nEXPOSE 80:80',
      [
        "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '80:80'",
      ],
    ],
    [
      'FROM a\nEXPOSE 127.0.0.1:80:80',
      [
        "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '127.0.0.1:80:80'",
      ],
    ],
    [
      'FROM a\nENV P=1:2\nEXPOSE $P 80/tcp',
      [
        "3 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port mapping, found '1:2'",
      ],
    ],
    // descriptions are experimental
    ['# other\nFROM a AS b', []],
    [
      '# check=experimental=all\n# other\nFROM a AS b',
      ['3 InvalidDefinitionDescription: Comment for FROM should follow the format: `# b <description>`'],
    ],
    [
      '# check=experimental=InvalidDefinitionDescription\n\n# other\nARG A B\nFROM a',
      [
        '4 InvalidDefinitionDescription: Comment for ARG should follow the format: `# <arg_key> <description>`',
      ],
    ],
    ['# check=experimental=all\n\n# b is this\nFROM a AS b', []],
    ['# check=experimental=all\n\n# other\n\nFROM a AS b', []],
    ['# check=experimental=all\n\n# other\nFROM a', []],
    // options
    ['# check=skip=all\nFROM a AS Big\nMAINTAINER x\nRUN a\\\n\nb', []],
    ['# check=skip=StageNameCasing,maintainerdeprecated\nFROM a AS Big\nMAINTAINER x', []],
    [
      '# check=skip=StageNameCasing\nFROM a AS Big\nMAINTAINER x',
      ['3 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
    ],
    [
      'FROM a\n# check=skip=MaintainerDeprecated\nMAINTAINER x\nENV a b',
      ['4 LegacyKeyValueFormat: "ENV key=value" should be used instead of legacy "ENV key value" format'],
    ],
    ['FROM a\n# check=skip=all\nMAINTAINER x', []],
    [
      'FROM a\n# check=skip=all\n\nMAINTAINER x',
      ['4 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
    ],
    [
      'FROM a\n# check=nonsense\nMAINTAINER x',
      ['3 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label'],
    ],
  ])('%j', (text, expected) => expect(findings(text)).toEqual(expected));

  it.each<[text: string, rules: string, expected: string[]]>([
    ['COPY a b', 'a', ['2 CopyIgnoredFile: Attempting to Copy file "a" that is excluded by .dockerignore']],
    [
      'ADD ./a/b c',
      'a',
      ['2 CopyIgnoredFile: Attempting to Add file "./a/b" that is excluded by .dockerignore'],
    ],
    ['COPY a b', '', []],
    ['COPY a b', 'a\n!a/x', []],
    ['COPY . b', '*', []],
    ['COPY a* b', 'a*', []],
    ['COPY --from=x a b', 'a', []],
    ['ADD https://a/b c', '**', []],
    ['COPY $A b', '**', []],
  ])('of ignored files: %s with %j', (text, rules, expected) =>
    expect(
      findings(`FROM scratch AS x\n${text}`, {
        ignore: IgnoreRules.parse(rules),
        options: { skip: ['UndefinedVar'], experimental: [], error: false },
      }),
    ).toEqual(expected),
  );

  it('know the variables of bases that they are told of', () => {
    const bases = new Map([[0, { environment: new Map([['HOME', '/root']]), triggers: [] }]]);
    expect(findings('FROM a\nENV A=$HOME B=$HOMY\nWORKDIR $HOME', { bases })).toEqual([
      "2 UndefinedVar: Usage of undefined variable '$HOMY' (did you mean $HOME?)",
    ]);
    const triggers = ['ENV PORT=80'];
    const inherited = new Map([[0, { environment: new Map(), triggers }]]);
    expect(findings('FROM a\nEXPOSE $PORT', { bases: inherited })).toEqual([]);
  });

  it('know the platform of bases', () => {
    const arm = { os: 'linux', architecture: 'arm64' };
    const bases = new Map([[0, { environment: new Map(), triggers: [], platform: arm }]]);
    const expected =
      '1 InvalidBaseImagePlatform: Base image a was pulled with platform "linux/arm64", expected "linux/amd64" for current build';
    expect(findings('FROM a', { bases })).toEqual([expected]);
    expect(findings('FROM --platform=linux/arm64 a AS for-arm64', { bases })).toEqual([]);
    const other = { build: amd64, target: { ...arm, variant: 'v9' } };
    expect(findings('FROM a', { bases, platforms: other })).toEqual([]);
  });

  it('use build arguments', () =>
    expect(findings('FROM scratch\nARG D=x\nWORKDIR $D', { buildArgs: new Map([['D', '/x']]) })).toEqual([]));

  it('point to their pages', () => {
    const [casing] = check(parseDockerfile('FROM a as b\nCMD x'), { platforms });
    expect(casing).toMatchObject({
      url: 'https://docs.docker.com/go/dockerfile/rule/from-as-casing/',
      line: 1,
      endLine: 1,
    });
    const [, json] = check(parseDockerfile('FROM a as b\nCMD x'), { platforms });
    expect(json?.url).toBe('https://docs.docker.com/go/dockerfile/rule/json-args-recommended/');
  });

  it('are 22', () => expect(Object.keys(RULES)).toHaveLength(22));
});
