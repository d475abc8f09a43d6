/**
 * Splits one record of comma-separated values as Go's encoding/csv does.
 * @throws {RangeError} a quote where none may be.
 */
export function splitRecord(text: string): string[] {
  const fields: string[] = [];
  let at = 0;
  for (;;) {
    const { field, end } = text[at] === '"' ? quoted(text, at) : bare(text, at);
    fields.push(field);
    if (end >= text.length) return fields;
    at = end + 1;
  }
}

function bare(text: string, start: number): { field: string; end: number } {
  const comma = text.indexOf(',', start);
  const end = comma < 0 ? text.length : comma;
  const field = text.slice(start, end);
  if (field.includes('"'))
    throw new RangeError(`a quote inside a field that does not begin with one: ${field}`);
  return { field, end };
}

function quoted(text: string, start: number): { field: string; end: number } {
  const parts: string[] = [];
  let at = start + 1;
  for (;;) {
    const quote = text.indexOf('"', at);
    if (quote < 0) throw new RangeError(`a quote is not closed: ${text.slice(start)}`);
    parts.push(text.slice(at, quote));
    at = quote + 1;
    if (text[at] !== '"') break;
    parts.push('"');
    at += 1;
  }
  if (at < text.length && text[at] !== ',') {
    throw new RangeError(`a comma must follow a closed quote: ${text.slice(start)}`);
  }
  return { field: parts.join(''), end: at };
}
