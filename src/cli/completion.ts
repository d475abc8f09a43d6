import type { Command } from 'commander';

/** A command, by the words that lead to it, and what may follow. */
type Place = Readonly<{ path: string; words: readonly string[] }>;

/** A completion script for every command and option that the program has; file names where nothing else fits. */
export function completionScript(program: Command, shell: 'bash' | 'zsh' | 'fish'): string {
  const places = [...placesOf(program, [])];
  if (shell === 'fish') return fish(program.name(), places);
  const script = bash(program.name(), places);
  return shell === 'zsh' ? `autoload -U +X bashcompinit && bashcompinit\n${script}` : script;
}

function* placesOf(command: Command, path: readonly string[]): Generator<Place> {
  const options = command.options
    .flatMap(({ short, long }) => [short, long])
    .filter((flag) => flag !== undefined);
  const names = command.commands.map((sub) => sub.name());
  const choices = command.registeredArguments.flatMap((argument) => argument.argChoices ?? []);
  yield { path: path.join(' '), words: [...names, ...choices, ...options, '--help'] };
  for (const sub of command.commands) yield* placesOf(sub, [...path, sub.name()]);
}

function bash(name: string, places: readonly Place[]): string {
  const cases = places.map(({ path, words }) => `    '${path}') words='${words.join(' ')}' ;;`).join('\n');
  return `_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} path='' word words=''
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) ;; *) case "\${path:+$path }$word" in ${pathPattern(places)}) path="\${path:+$path }$word" ;; esac ;; esac
  done
  case $path in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  [ \${#COMPREPLY[@]} -gt 0 ] || COMPREPLY=($(compgen -f -- "$current"))
}
complete -o filenames -F _${name} ${name}
`;
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
