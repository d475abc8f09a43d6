import type { ContainerConfig } from '../oci/index.js';
import { type Command, expand, type Instruction, parseDockerfile, parsePorts } from './dockerfile/index.js';
import { ChangeError } from './errors.js';

const SHELL = ['/bin/sh', '-c'];

/**
 * What instructions of a Dockerfile make of a configuration: `import --change 'CMD ["/bin/sh"]'`.
 * @throws {ChangeError} an instruction that needs a build. @throws {DockerfileError}
 */
export function applyChanges(changes: readonly string[], base: ContainerConfig = {}): ContainerConfig {
  const text = ['FROM scratch', ...changes].join('\n');
  const [stage] = parseDockerfile(text, { name: '--change' }).stages;
  return (stage?.instructions ?? []).reduce<ContainerConfig>(applied, base);
}

function applied(config: ContainerConfig, instruction: Instruction): ContainerConfig {
  const words = (texts: readonly string[]) =>
    texts.map((text) => expand(text, (name) => variable(config, name)));
  const word = (text: string) => words([text])[0] ?? '';
  switch (instruction.kind) {
    case 'cmd':
      return { ...config, Cmd: commandLine(instruction.command, config) };
    case 'entrypoint':
      return { ...config, Entrypoint: commandLine(instruction.command, config) };
    case 'env':
      return { ...config, Env: withVariables(config, pairs(instruction.pairs, word)) };
    case 'expose':
      return {
        ...config,
        ExposedPorts: { ...config.ExposedPorts, ...emptyFor(parsePorts(words(instruction.ports))) },
      };
    case 'healthcheck':
      return { ...config, Healthcheck: instruction.healthcheck };
    case 'label':
      return {
        ...config,
        Labels: { ...config.Labels, ...Object.fromEntries(pairs(instruction.pairs, word)) },
      };
    case 'onbuild':
      return { ...config, OnBuild: [...(config.OnBuild ?? []), instruction.text] };
    case 'shell':
      return { ...config, Shell: instruction.arguments };
    case 'stopsignal':
      return { ...config, StopSignal: word(instruction.signal) };
    case 'user':
      return { ...config, User: word(instruction.user) };
    case 'volume':
      return { ...config, Volumes: { ...config.Volumes, ...emptyFor(words(instruction.paths)) } };
    case 'workdir':
      return { ...config, WorkingDir: absolute(word(instruction.path), config.WorkingDir) };
    default:
      throw new ChangeError(
        `--change cannot be ${instruction.kind.toUpperCase()}: only what changes the configuration`,
      );
  }
}

type Pair = readonly [key: string, value: string];

function pairs(
  given: readonly Readonly<{ key: string; value: string }>[],
  word: (text: string) => string,
): Pair[] {
  return given.map(({ key, value }) => [word(key), word(value)]);
}

function variable({ Env }: ContainerConfig, name: string): string | undefined {
  return Env?.find((line) => line.startsWith(`${name}=`))?.slice(name.length + 1);
}

function withVariables({ Env }: ContainerConfig, added: readonly Pair[]): string[] {
  const names = new Set(added.map(([name]) => name));
  const kept = (Env ?? []).filter((line) => !names.has(line.slice(0, line.indexOf('='))));
  return [...kept, ...added.map(([name, value]) => `${name}=${value}`)];
}

function commandLine(command: Command, { Shell }: ContainerConfig): string[] {
  if (command.form === 'exec') return [...command.arguments];
  if (command.form === 'shell') return [...(Shell ?? SHELL), command.text];
  throw new ChangeError('--change takes no here-documents');
}

function emptyFor(keys: readonly string[]): Record<string, object> {
  return Object.fromEntries(keys.map((key) => [key, {}]));
}

function absolute(path: string, base = '/'): string {
  return path.startsWith('/') ? path : `${base.replace(/\/$/, '')}/${path}`;
}
