import type { Command } from 'commander';

/** A command, by the words that lead to it, and what may follow. */
type Place = Readonly<{
  path: string;
  words: readonly string[];
  /** Whether the name of a file may follow too. */
  takesFile: boolean;
  /** Arguments of the command that lists what may be named. */
  lister: string | undefined;
  /** Options that want a value. */
  valued: readonly Readonly<{ flags: readonly string[]; values: Values }>[];
}>;

/** One of these, the name of a file, or what a command lists; an empty list is what nobody can guess. */
type Values = readonly string[] | 'files' | Readonly<{ lister: string }>;

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
/** Fewer, where not all can be meant. */
const LISTERS_OF_COMMANDS: Readonly<Record<string, string>> = {
  'network rm': 'network ls --filter type=custom --format {{.Name}}',
  mirror: 'mirror --list CONFIG',
  'events replay': 'events list --quiet CONFIG',
};
/** In their place the configuration that was named before. */
const CONFIG = / CONFIG$/;
/** Values of options that can be listed. */
const LISTED_VALUE = /<(network|container)>/;
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
    lister: LISTERS_OF_COMMANDS[path.join(' ')] ?? LISTERS[command.registeredArguments[0]?.name() ?? ''],
    valued: command.options
      .filter(({ required }) => required)
      .map(({ short, long, flags, argChoices }) => ({
        flags: [short, long].filter((flag) => flag !== undefined),
        values: argChoices ?? valuesOf(flags),
      })),
  };
  for (const sub of command.commands) yield* placesOf(sub, [...path, sub.name()]);
}

function valuesOf(flags: string): Values {
  if (FILE_VALUE.test(flags)) return 'files';
  const lister = LISTERS[LISTED_VALUE.exec(flags)?.[1] ?? ''];
  return lister === undefined ? [] : { lister };
}

/** Read by zsh too, in which `path` and `words` are names of its own. */
function bash(name: string, places: readonly Place[]): string {
  const cases = places
    .map(({ path, words }) => `    '${path}') candidates='${words.join(' ')}' ;;`)
    .join('\n');
  const withFile = pathPattern(places.filter(({ takesFile }) => takesFile));
  const listers = [LISTERS, LISTERS_OF_COMMANDS]
    .flatMap((all) => Object.values(all))
    .map((lister) => {
      const paths = pathPattern(places.filter((place) => place.lister === lister));
      return `    ${paths}) candidates+=" $(${listedInBash(name, lister)})" ;;`;
    });
  return `_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} called='' word candidates='' last='' config=''
  local typed=\${COMP_LINE:0:\${COMP_POINT:-0}}
  typed=\${typed##* }
  for word in "\${COMP_WORDS[@]:1:$((COMP_CWORD - 1))}"; do
    case $last in -c|--config) config=$word ;; esac
    case $word in --config=*) config=\${word#*=} ;; esac
    last=$word
    case $word in -*) ;; *) case "\${called:+$called }$word" in ${pathPattern(places)}) called="\${called:+$called }$word" ;; esac ;; esac
  done
  case "$called \${COMP_WORDS[COMP_CWORD-1]}" in
${places.flatMap((place) => valueCases(name, place)).join('\n')}
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
function valueCases(name: string, { path, valued }: Place): string[] {
  const sources = new Map<string, string[]>();
  for (const { flags, values } of valued) {
    const source = sourceInBash(name, values);
    sources.set(source, [...(sources.get(source) ?? []), ...flags.map((flag) => `'${path} ${flag}'`)]);
  }
  return [...sources].map(
    ([source, patterns]) =>
      `    ${patterns.join('|')}) COMPREPLY=($(compgen ${source} -- "$current")); return ;;`,
  );
}

function sourceInBash(name: string, values: Values): string {
  if (values === 'files') return '-f';
  return 'lister' in values ? `-W "$(${listedInBash(name, values.lister)})"` : `-W '${values.join(' ')}'`;
}

/** One word, since zsh would not make two of it. */
function listedInBash(name: string, lister: string): string {
  return `${name} ${lister.replace(CONFIG, ` \${config:+"--config=$config"}`)} 2>/dev/null`;
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
      ...(lister === undefined ? [] : [`${start} -a '${listedInFish(name, lister)}'`]),
      ...valued.map(({ flags, values }) => {
        const spelled = flags.map((flag) =>
          flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
        );
        return `${start} ${spelled.join(' ')} ${sourceInFish(name, values)}`;
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
function __${name}_config
  set -l last
  for word in (commandline -opc)
    contains -- "$last" -c --config; and echo -- --config=$word
    string match -- '--config=*' $word
    set last $word
  end
end
complete -c ${name} -f
${lines.join('\n')}
`;
}

function sourceInFish(name: string, values: Values): string {
  if (values === 'files') return '-r -F';
  return `-x -a '${'lister' in values ? listedInFish(name, values.lister) : values.join(' ')}'`;
}

/** Braces have a meaning there. */
function listedInFish(name: string, lister: string): string {
  const asked = lister.replace(/\{\{.*\}\}/, '"$&"').replace(CONFIG, ` (__${name}_config)`);
  return `(${name} ${asked} 2>/dev/null)`;
}
