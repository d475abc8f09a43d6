/** One way in that a registry offers. RFC 9110 section 11.6.1. */
export type Challenge = Readonly<{
  /** In lower case: `basic`, `bearer`. */
  scheme: string;
  parameters: Readonly<Record<string, string>>;
}>;

const TOKEN = /[!#$%&'*+.^_`|~0-9A-Za-z-]+/y;
const PARAMETER = /([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
const SEPARATORS = /[\s,]*/y;

/**
 * Reads every challenge of all `WWW-Authenticate` headers. Several may share one header, separated by the same comma
 * as their parameters. What cannot be read ends the header it is in.
 */
export function parseChallenges(headers: readonly string[]): Challenge[] {
  return headers.flatMap(parseHeader);
}

function parseHeader(header: string): Challenge[] {
  const challenges: { scheme: string; parameters: Record<string, string> }[] = [];
  let position = 0;
  const match = (pattern: RegExp) => {
    pattern.lastIndex = position;
    const found = pattern.exec(header);
    if (found) position = pattern.lastIndex;
    return found;
  };
  for (match(SEPARATORS); position < header.length; match(SEPARATORS)) {
    const current = challenges.at(-1);
    const parameter = current && match(PARAMETER);
    if (parameter) {
      const [, name = '', quoted, plain = ''] = parameter;
      current.parameters[name.toLowerCase()] = quoted?.replace(/\\(.)/g, '$1') ?? plain;
      continue;
    }
    const scheme = match(TOKEN);
    if (scheme === null) break;
    challenges.push({ scheme: scheme[0].toLowerCase(), parameters: {} });
  }
  return challenges;
}
