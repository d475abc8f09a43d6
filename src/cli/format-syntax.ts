import { FormatError } from './format-functions.js';

/** What a template is made of. Go's text/template, without `define`, `template` and `break`. */
export type Node =
  | Readonly<{ kind: 'text'; text: string }>
  | Readonly<{ kind: 'print'; pipeline: Pipeline }>
  | BlockNode;
export type BlockNode = Readonly<{
  kind: 'if' | 'with' | 'range';
  pipeline: Pipeline;
  body: readonly Node[];
  otherwise: readonly Node[];
}>;

/** Commands, each of which gets the value of the one before; the last one's may go into a variable. */
export type Pipeline = Readonly<{ variables: readonly string[]; commands: readonly Command[] }>;
export type Command = readonly Operand[];
export type Operand =
  | Readonly<{ kind: 'literal'; value: unknown }>
  | Readonly<{ kind: 'field'; path: readonly string[] }>
  | Readonly<{ kind: 'variable'; name: string; path: readonly string[] }>
  | Readonly<{ kind: 'function'; name: string }>
  | Readonly<{ kind: 'group'; pipeline: Pipeline; path: readonly string[] }>;

/** @throws {FormatError} */
export function parseTemplate(source: string): readonly Node[] {
  const reader = new Reader(pieces(source));
  const nodes = reader.nodes();
  if (reader.peek() !== undefined) throw new FormatError(`unexpected {{${reader.peek()?.action}}}`);
  return nodes;
}

type Piece = Readonly<{ text?: string; action?: string }>;

/** Text and actions in turns; `{{-` and `-}}` take the white space beside them. */
function pieces(source: string): Piece[] {
  const found: Piece[] = [];
  const actions =
    /\{\{(-(?=\s))?((?:"(?:\\.|[^"\\])*"|`[^`]*`|\/\*[\s\S]*?\*\/|(?!\}\})[\s\S])*?)(\s-)?\}\}/g;
  let end = 0;
  let trimNext = false;
  const addText = (text: string, trimEnd: boolean) => {
    const start = trimNext ? text.trimStart() : text;
    found.push({ text: trimEnd ? start.trimEnd() : start });
  };
  for (const match of source.matchAll(actions)) {
    addText(source.slice(end, match.index), match[1] !== undefined);
    const action = (match[2] ?? '').trim();
    if (!action.startsWith('/*')) found.push({ action });
    trimNext = match[3] !== undefined;
    end = match.index + match[0].length;
  }
  addText(source.slice(end), false);
  if (source.slice(end).includes('{{')) throw new FormatError('an action is not closed with }}');
  return found;
}

class Reader {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(all: readonly Piece[]) {
    this.#pieces = all;
  }

  peek(): Piece | undefined {
    return this.#pieces[this.#at];
  }

  /** Up to the end, or an `else` or `end` that is not ours. */
  nodes(): Node[] {
    const nodes: Node[] = [];
    for (let piece = this.peek(); piece !== undefined; piece = this.peek()) {
      if (piece.action !== undefined && /^(end|else)\b/.test(piece.action)) break;
      this.#at += 1;
      if (piece.text !== undefined) nodes.push({ kind: 'text', text: piece.text });
      else nodes.push(this.#action(piece.action ?? ''));
    }
    return nodes;
  }

  #action(action: string): Node {
    const [, keyword, rest = ''] = /^(if|with|range)\b([\s\S]*)$/.exec(action) ?? [];
    if (keyword === undefined) return { kind: 'print', pipeline: parsePipeline(action) };
    return this.#block(keyword as 'if' | 'with' | 'range', rest);
  }

  #block(kind: 'if' | 'with' | 'range', condition: string): Node {
    const pipeline = parsePipeline(condition);
    const body = this.nodes();
    const closing = this.#next(kind);
    if (closing === 'end') return { kind, pipeline, body, otherwise: [] };
    const [, nested] = /^else\s+if\b([\s\S]*)$/.exec(closing) ?? [];
    if (nested !== undefined) return { kind, pipeline, body, otherwise: [this.#block('if', nested)] };
    const otherwise = this.nodes();
    if (this.#next(kind) !== 'end') throw new FormatError(`{{${kind}}} has two {{else}}`);
    return { kind, pipeline, body, otherwise };
  }

  #next(kind: string): string {
    const action = this.peek()?.action;
    if (action === undefined) throw new FormatError(`{{${kind}}} has no {{end}}`);
    this.#at += 1;
    return action;
  }
}

const TOKEN =
  /\s+|"(?:\\.|[^"\\])*"|`[^`]*`|'(?:\\.|[^'\\])'|-?\d+(?:\.\d+)?|\$?(?:\.?[\p{L}_][\p{L}\p{N}_]*)(?:\.[\p{L}_][\p{L}\p{N}_]*)*|\$|:=|[.()|,=]/uy;

function parsePipeline(source: string): Pipeline {
  const tokens = new Tokens(source);
  const pipeline = tokens.pipeline();
  if (tokens.peek() !== undefined)
    throw new FormatError(`unexpected ${tokens.peek()} in {{${source.trim()}}}`);
  return pipeline;
}

class Tokens {
  readonly #source: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#source = source.trim();
    this.#tokens = tokenize(this.#source);
  }

  peek(): string | undefined {
    return this.#tokens[this.#at];
  }

  pipeline(): Pipeline {
    const variables = this.#declared();
    const commands = [this.#command()];
    while (this.#take('|')) commands.push(this.#command());
    return { variables, commands };
  }

  /** `$name :=` or `$key, $value :=`. */
  #declared(): string[] {
    const end = this.#tokens.findIndex((token) => token === ':=' || token === '=');
    if (this.#at !== 0 || end < 0) return [];
    const names = this.#tokens.slice(0, end).filter((token) => token !== ',');
    if (names.length === 0 || names.some((name) => !/^\$[\p{L}\p{N}_]+$/u.test(name))) {
      throw new FormatError(`only variables can be set: {{${this.#source}}}`);
    }
    this.#at = end + 1;
    return names;
  }

  #command(): Command {
    const operands: Operand[] = [];
    for (
      let token = this.peek();
      token !== undefined && token !== '|' && token !== ')';
      token = this.peek()
    ) {
      this.#at += 1;
      operands.push(this.#operand(token));
    }
    if (operands.length === 0) throw new FormatError(`a value is missing in {{${this.#source}}}`);
    return operands;
  }

  #operand(token: string): Operand {
    if (token === '(') return this.#group();
    if (token === '.') return { kind: 'field', path: [] };
    if (token.startsWith('.')) return { kind: 'field', path: token.slice(1).split('.') };
    if (token.startsWith('$')) {
      const [name = '', ...path] = token.split('.');
      return { kind: 'variable', name, path };
    }
    if (/^["`']/.test(token)) return { kind: 'literal', value: unquote(token) };
    if (/^-?\d/.test(token)) return { kind: 'literal', value: Number(token) };
    if (token === 'true' || token === 'false') return { kind: 'literal', value: token === 'true' };
    if (token === 'nil') return { kind: 'literal', value: null };
    if (/^[\p{L}_][\p{L}\p{N}_]*$/u.test(token)) return { kind: 'function', name: token };
    throw new FormatError(`unexpected ${token} in {{${this.#source}}}`);
  }

  #group(): Operand {
    const commands = [this.#command()];
    while (this.#take('|')) commands.push(this.#command());
    if (!this.#take(')')) throw new FormatError(`a ) is missing in {{${this.#source}}}`);
    const after = this.peek();
    const path =
      after !== undefined && /^\.[^.]/.test(after) && this.#take(after) ? after.slice(1).split('.') : [];
    return { kind: 'group', pipeline: { variables: [], commands }, path };
  }

  #take(token: string): boolean {
    if (this.peek() !== token) return false;
    this.#at += 1;
    return true;
  }
}

function tokenize(source: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < source.length) {
    const at = TOKEN.lastIndex;
    const token = TOKEN.exec(source)?.[0];
    if (token === undefined)
      throw new FormatError(`cannot read ${JSON.stringify(source.slice(at))} in {{${source}}}`);
    if (token.trim() !== '') tokens.push(token);
  }
  return tokens;
}

function unquote(token: string): string {
  if (token.startsWith('`')) return token.slice(1, -1);
  try {
    return String(JSON.parse(token.startsWith("'") ? `"${token.slice(1, -1)}"` : token));
  } catch {
    throw new FormatError(`not a quoted text: ${token}`);
  }
}
