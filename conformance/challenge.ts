/** One `WWW-Authenticate` challenge. RFC 9110 section 11.6.1. */
export type Challenge = Readonly<{ scheme: string; parameters: ReadonlyMap<string, string> }>;

const SCHEME = /^\s*([A-Za-z][A-Za-z0-9-]*)(?:\s+|$|(?=,))/;
const PARAMETER = /^\s*([a-zA-Z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]+))\s*,?/;

/** Reads a header that may hold several challenges. @returns scheme in lower case; `[]` for one it cannot read. */
export function parseChallenges(header: string): Challenge[] {
  const challenges: Challenge[] = [];
  let rest = header;
  while (rest.trim() !== '') {
    const scheme = SCHEME.exec(rest);
    if (!scheme) return challenges;
    rest = rest.slice(scheme[0].length);
    const parameters = new Map<string, string>();
    for (let found = PARAMETER.exec(rest); found; found = PARAMETER.exec(rest)) {
      const [all, name = '', quoted, bare = ''] = found;
      parameters.set(name.toLowerCase(), quoted?.replaceAll(/\\(.)/g, '$1') ?? bare);
      rest = rest.slice(all.length);
    }
    challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters });
    rest = rest.replace(/^\s*,/, '');
  }
  return challenges;
}
