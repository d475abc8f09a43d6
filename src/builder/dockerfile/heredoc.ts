import { ExpansionError, expand, expandWords, type Lookup } from './expand.js';
import type { Heredoc } from './instruction.js';

/** `<<WORD` as it stands in a line. Its body comes in the lines below. */
export type HeredocToken = Omit<Heredoc, 'content'>;

const TOKEN = /^(\d{0,9})<<(-?)\s*([^<]*)$/;
const nothing = (): undefined => undefined;

/** Reads one word. @returns undefined when it is no heredoc. */
export function findHeredoc(word: string): HeredocToken | undefined {
  const [, fileDescriptor = '', dash = '', rest = ''] = TOKEN.exec(word) ?? [];
  const [name, ...others] = wordsOf(rest, { raw: false });
  const [raw] = wordsOf(rest, { raw: true });
  if (name === undefined || others.length > 0) return undefined;
  return { name, expand: name === raw, stripTabs: dash === '-', fileDescriptor: Number(fileDescriptor) };
}

/** Those in a whole line, in order. A line with an unfinished quote has none. */
export function findHeredocs(line: string): HeredocToken[] {
  if (!line.includes('<<')) return [];
  return wordsOf(line, { raw: true }).flatMap((word) => findHeredoc(word) ?? []);
}

/** What the document says: without its leading tabs, if it is of the kind that has them taken away. */
export function heredocText({ content, stripTabs }: Heredoc): string {
  return stripTabs ? content.replace(/(^|\n)\t+/g, '$1') : content;
}

/**
 * The content of a file that COPY or ADD makes of a heredoc: variables gone if its word had no quotes. Quotes in it
 * are letters; a backslash escapes, whatever the directive says, and is gone too.
 * @throws {ExpansionError}
 */
export function expandHeredoc(
  heredoc: Heredoc,
  lookup: Lookup,
  options: Readonly<{ onName?: (name: string, found: boolean) => void }> = {},
): string {
  const text = heredocText(heredoc);
  return heredoc.expand ? expand(text, lookup, { ...options, quotes: 'literal' }) : text;
}

/** Words of the shell that will read the line, which escapes with a backslash whatever the directive says. */
function wordsOf(text: string, { raw }: Readonly<{ raw: boolean }>): string[] {
  try {
    return expandWords(text, nothing, { keepUnset: true, keepEscapes: raw, quotes: raw ? 'keep' : 'remove' });
  } catch (error) {
    if (error instanceof ExpansionError) return [];
    throw error;
  }
}
