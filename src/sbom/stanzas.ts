/** Longer lines are cut: nothing that is looked for is so long. */
const MAX_LINE = 64 * 1024;

/** Lines of text, whatever the size of the file. The memory of a chunk may be used again for the next. */
export function* linesOf(chunks: Iterable<Uint8Array>): Generator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for (const chunk of chunks) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    yield* lines;
  }
  rest += decoder.decode();
  if (rest !== '') yield rest;
}

/**
 * Blocks of `Name: value` lines with blank lines between them: what dpkg, apk and Python keep. Lines that go on an
 * earlier one are passed over; of several lines of a name the first counts.
 * @param names of interest.
 */
export function* stanzasOf(
  lines: Iterable<string>,
  names: ReadonlySet<string>,
): Generator<ReadonlyMap<string, string>> {
  let stanza = new Map<string, string>();
  for (const line of lines) {
    if (line.trim() === '') {
      if (stanza.size > 0) yield stanza;
      stanza = new Map();
      continue;
    }
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon));
    if (names.has(name) && !stanza.has(name)) stanza.set(name, line.slice(colon + 1).trim());
  }
  if (stanza.size > 0) yield stanza;
}
