import deprecated from 'spdx-license-ids/deprecated.json' with { type: 'json' };
import identifiers from 'spdx-license-ids/index.json' with { type: 'json' };

const KNOWN: ReadonlyMap<string, string> = new Map(
  [...deprecated, ...identifiers].map((id) => [id.toLowerCase(), id]),
);
const TOKEN = /\s*(\(|\)|[A-Za-z0-9.+-]+)/y;

/**
 * What an author wrote of the license, when that is an expression of SPDX that others can read: identifiers joined by
 * AND and OR. spdx.github.io, "SPDX license expressions".
 */
export function findExpression(text: string): string | undefined {
  const tokens = tokensOf(text);
  if (tokens === undefined || tokens.length === 0) return undefined;
  const words: string[] = [];
  let depth = 0;
  let wantsLicense = true;
  for (const token of tokens) {
    if (token === '(' && wantsLicense) depth += 1;
    else if (token === ')' && !wantsLicense && depth > 0) depth -= 1;
    else if (/^(and|or)$/i.test(token) && !wantsLicense) wantsLicense = true;
    else if (wantsLicense && identifierOf(token) !== undefined) wantsLicense = false;
    else return undefined;
    words.push(identifierOf(token) ?? token.toUpperCase());
  }
  if (depth !== 0 || wantsLicense) return undefined;
  return words.join(' ').replaceAll('( ', '(').replaceAll(' )', ')');
}

function tokensOf(text: string): string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  const trimmed = text.trim();
  for (let at = 0; at < trimmed.length; at = TOKEN.lastIndex) {
    const token = TOKEN.exec(trimmed)?.[1];
    if (token === undefined) return undefined;
    tokens.push(token);
  }
  return tokens;
}

/** `Apache-2.0`, and with a plus after it: or later. */
function identifierOf(word: string): string | undefined {
  const exact = KNOWN.get(word.toLowerCase());
  if (exact !== undefined || !word.endsWith('+')) return exact;
  const base = KNOWN.get(word.slice(0, -1).toLowerCase());
  return base && `${base}+`;
}
