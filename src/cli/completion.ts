import type { Command } from 'commander';

/** A command, by the words that lead to it, and what may follow. */
type Place = Readonly<{
  path: string;
  words: readonly string[];
  /** Whether the name of a file may follow too. */
  takesFile: boolean;
  /** Options that want a value, and the values there are; none for the name of a file. */
  valued: readonly Readonly<{ flags: readonly string[]; values: readonly string[] }>[];
}>;

/** A completion script for every command and option that the program has; file names where nothing else fits. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const places = [...placesOf(program, [])];
  if (shell === 'fish') return fish(program.name(), places);
  const script = bash(program.name(), places);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}

/** What arguments are called that name one. */
const FILES = ['config', 'file'];

function* placesOf(command: Command, path: readonly string[]): Generator<Place> {
  const options = command.options
    .flatMap(({ short, long }) => [short, long])
    .filter((flag) => flag !== undefined);
  const names = command.commands.map((sub) => sub.name());
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  yield {
    path: path.join(' '),
    words: [...names, ...choices, ...options, '--help'],
    takesFile: command.registeredArguments.some((argument) => FILES.includes(argument.name())),
    valued: command.options.flatMap(({ short, long, required, argChoices }) =>
      required
        ? [{ flags: [short, long].filter((flag) => flag !== undefined), values: argChoices ?? [] }]
        : [],
    ),
  };
  for (const sub of command.commands) yield* placesOf(sub, [...path, sub.name()]);
}

function bash(name: string, places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
  const valued = places.flatMap((place) => place.valued);
  const withFile = pathPattern(places.filter(({ takesFile }) => takesFile));
  return `_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) case "\${path:+$path }$word" in ${pathPattern(places)}) path="\${path:+$path }$word" ;; esac ;; esac
  done
  case \${COMP_WORDS[COMP_CWORD-1]} in
${valueCases(valued)}
  esac
  case $path in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  case $path in ${withFile}) COMPREPLY+=($(compgen -f -- "$current")) ;; esac
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _${name} ${name}
`;
}

/** An option means the same in every command. */
function valueCases(options: Place['valued']): string {
  const named = options.map(({ flags, values }) => ({
    pattern: flags.join('|'),
    source: values.length > 0 ? `-W '${values.join(' ')}'` : '-f',
  }));
  const cases = named.map(
    ({ pattern, source }) => `    ${pattern}) COMPREPLY=($(compgen ${source} -- "$current")); return ;;`,
  );
  return [...new Set(cases)].join('\n');
}

function pathPattern(places: readonly Place[]): string {
  return places.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|');
}

function fish(name: string, places: readonly Place[]): string {
  const lines = places.flatMap(({ path, words }) => {
    const condition =
      path === ''
        ? '__fish_use_subcommand'
        : path
            .split(' ')
            .map((word) => `__fish_seen_subcommand_from ${word}`)
            .join('; and ');
    return words.map((word) => `complete -c ${name} -n '${condition}' -a '${word}'`);
  });
  return `${lines.join('\n')}\n`;
}
