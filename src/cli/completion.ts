import type { Command } from 'commander';

/** A command, by the words that lead to it, and what may follow. */
type Place = Readonly<{
  path: string;
  words: readonly string[];
  /** Whether the name of a file may follow too. */
  takesFile: boolean;
  /** Arguments of the command that lists what may be named. */
  lister: string | undefined;
  /** Options that want a value: one of these, the name of a file, or what nobody can guess. */
  valued: readonly Readonly<{ flags: readonly string[]; values: readonly string[] | 'files' }>[];
}>;

/**
 * A completion script for every command and option that the program has, and for names of containers and the like, which it
 * asks the program for; file names where nothing else fits.
 */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const places = [...placesOf(program, [])];
  if (shell === 'fish') return fish(program.name(), places);
  const script = bash(program.name(), places);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}

/** What arguments are called that name one. */
const FILES = ['config', 'file', 'context'];
/** What lists those that an argument names. */
const LISTERS: Readonly<Record<string, string>> = {
  container: 'ps --all --format {{.Names}}',
  image: 'images --format {{.Repository}}:{{.Tag}}',
  network: 'network ls --format {{.Name}}',
  volume: 'volume ls --quiet',
};
/** Values of options that are names of files. */
const FILE_VALUE = /<(file|dir|spec)>/;

function* placesOf(command: Command, path: readonly string[]): Generator<Place> {
  const options = command.options
    .filter(({ hidden }) => !hidden)
    .flatMap(({ short, long }) => [short, long])
    .filter((flag) => flag !== undefined);
  const names = command.commands.map((sub) => sub.name());
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  yield {
    path: path.join(' '),
    words: [...names, ...choices, ...options, '--help'],
    takesFile: command.registeredArguments.some((argument) => FILES.includes(argument.name())),
    lister: LISTERS[command.registeredArguments[0]?.name() ?? ''],
    valued: command.options
      .filter(({ required }) => required)
      .map(({ short, long, flags, argChoices }) => ({
        flags: [short, long].filter((flag) => flag !== undefined),
        values: argChoices ?? (FILE_VALUE.test(flags) ? 'files' : []),
      })),
  };
  for (const sub of command.commands) yield* placesOf(sub, [...path, sub.name()]);
}

/** Read by zsh too, in which `path` and `words` are names of its own. */
function bash(name: string, places: readonly Place[]): string {
  const cases = places
    .map(({ path, words }) => `    '${path}') candidates='${words.join(' ')}' ;;`)
    .join('\n');
  const withFile = pathPattern(places.filter(({ takesFile }) => takesFile));
  const listers = Object.values(LISTERS).map((lister) => {
    const paths = pathPattern(places.filter((place) => place.lister === lister));
    return `    ${paths}) candidates+=" $(${name} ${lister} 2>/dev/null)" ;;`;
  });
  return `_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} called='' word candidates=''
  local typed=\${COMP_LINE:0:\${COMP_POINT:-0}}
  typed=\${typed##* }
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case $word in -*) ;; *) case "\${called:+$called }$word" in ${pathPattern(places)}) called="\${called:+$called }$word" ;; esac ;; esac
  done
  case "$called \${COMP_WORDS[COMP_CWORD-1]}" in
${places.flatMap(valueCases).join('\n')}
  esac
  case $called in
${cases}
  esac
  case $current in -*) ;; *) case $called in
${listers.join('\n')}
  esac ;; esac
  # Bash begins a new word at each colon of a name.
  COMPREPLY=($(compgen -W "$candidates" -- "\${typed:-$current}"))
  [ "$typed" = "$current" ] || COMPREPLY=("\${COMPREPLY[@]#"\${typed%"\${typed##*:}"}"}")
  case $called in ${withFile}) COMPREPLY+=($(compgen -f -- "$current")) ;; esac
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _${name} ${name}
`;
}

/** What follows an option that wants a value. */
function valueCases({ path, valued }: Place): string[] {
  const sources = new Map<string, string[]>();
  for (const { flags, values } of valued) {
    const source = values === 'files' ? '-f' : `-W '${values.join(' ')}'`;
    sources.set(source, [...(sources.get(source) ?? []), ...flags.map((flag) => `'${path} ${flag}'`)]);
  }
  return [...sources].map(
    ([source, patterns]) =>
      `    ${patterns.join('|')}) COMPREPLY=($(compgen ${source} -- "$current")); return ;;`,
  );
}

function pathPattern(places: readonly Place[]): string {
  return places.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join('|');
}

function fish(name: string, places: readonly Place[]): string {
  const paths = places.flatMap(({ path }) => (path === '' ? [] : [`'${path}'`])).join(' ');
  const lines = places.flatMap(({ path, words, takesFile, lister, valued }) => {
    const start = `complete -c ${name} -n 'test "$(__${name}_called)" = "${path}"'`;
    return [
      `${start} -a '${words.join(' ')}'${takesFile ? ' -F' : ''}`,
      ...(lister === undefined
        ? []
        : [`${start} -a '(${name} ${lister.replace(/\{\{.*\}\}/, '"$&"')} 2>/dev/null)'`]),
      ...valued.map(({ flags, values }) => {
        const spelled = flags.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        const source = values === 'files' ? '-r -F' : `-x -a '${values.join(' ')}'`;
        return `${start} ${spelled.join(' ')} ${source}`;
      }),
    ];
  });
  return `function __${name}_called
  set -l called
  for word in (commandline -opc)[2..]
    set -l next (string join -- ' ' $called $word)
    contains -- $next ${paths}; and set called $called $word
  end
  string join -- ' ' $called
end
complete -c ${name} -f
${lines.join('\n')}
`;
}
