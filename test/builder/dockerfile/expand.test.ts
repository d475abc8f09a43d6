// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { describe, expect, it } from 'vitest';
import {
  type ExpandOptions,
  ExpansionError,
  expand,
  expandWords,
} from '../../../src/builder/dockerfile/index.js';
import { cpuTimeOf } from '../../support/cpu-time.js';

const VALUES: Readonly<Record<string, string>> = {
  NAME: 'value',
  EMPTY: '',
  PATH_LIKE: '/usr/local/bin/tool.tar.gz',
  STARS: 'a***yy*',
  TWO: 'x y',
  PATTERN: '*/',
  SLASHES: '/a/b',
  größe: 'groß',
  _: 'underscore',
  X1: 'one',
};

function expanded(word: string, options: ExpandOptions = {}): string {
  return expand(word, (name) => (Object.hasOwn(VALUES, name) ? VALUES[name] : undefined), options);
}

describe('expand', () => {
  it.each<[word: string, result: string]>([
    ['', ''],
    ['plain', 'plain'],
    ['two words', 'two words'],
    // names
    ['$NAME', 'value'],
    ['${NAME}', 'value'],
    ['a$NAME.b', 'avalue.b'],
    ['a${NAME}b', 'avalueb'],
    ['$NAMEb', ''],
    ['$größe', 'groß'],
    ['$_', 'underscore'],
    ['$X1', 'one'],
    ['$1x', 'x'],
    ['$12x', 'x'],
    ['$@x', 'x'],
    ['$*x', 'x'],
    ['$#x', 'x'],
    ['$?x', 'x'],
    ['$-x', 'x'],
    ['$$x', 'x'],
    ['$!x', 'x'],
    ['$0x', 'x'],
    ['$', '$'],
    ['a$', 'a$'],
    ['$.', '$.'],
    ['$/x', '$/x'],
    ['$ x', '$ x'],
    ['$MISSING', ''],
    ['${MISSING}', ''],
    // defaults
    ['${NAME:-other}', 'value'],
    ['${NAME-other}', 'value'],
    ['${EMPTY:-other}', 'other'],
    ['${EMPTY-other}', ''],
    ['${MISSING:-other}', 'other'],
    ['${MISSING-other}', 'other'],
    ['${MISSING:-}', ''],
    ['${MISSING:-$NAME}', 'value'],
    ['${MISSING:-${EMPTY:-deep}}', 'deep'],
    ['${MISSING:-a b}', 'a b'],
    ["${MISSING:-'}'}", '}'],
    ['${MISSING:-\\}}', '}'],
    // alternatives
    ['${NAME:+other}', 'other'],
    ['${NAME+other}', 'other'],
    ['${EMPTY:+other}', ''],
    ['${EMPTY+other}', 'other'],
    ['${MISSING:+other}', ''],
    ['${MISSING+other}', ''],
    ['${NAME:+-${NAME}}', '-value'],
    // demands
    ['${NAME:?no}', 'value'],
    ['${NAME?no}', 'value'],
    ['${EMPTY?no}', ''],
    // prefixes and suffixes
    ['${PATH_LIKE#*/}', 'usr/local/bin/tool.tar.gz'],
    ['${PATH_LIKE##*/}', 'tool.tar.gz'],
    ['${PATH_LIKE%.*}', '/usr/local/bin/tool.tar'],
    ['${PATH_LIKE%%.*}', '/usr/local/bin/tool'],
    ['${PATH_LIKE%/*}', '/usr/local/bin'],
    ['${NAME#v}', 'alue'],
    ['${NAME#x}', 'value'],
    ['${NAME#?}', 'alue'],
    ['${NAME%?}', 'valu'],
    ['${NAME##*}', ''],
    ['${NAME#*}', 'value'],
    ['${NAME#}', 'value'],
    ['${NAME%}', 'value'],
    ['${MISSING#x}', ''],
    ['${STARS%%\\**\\*}', 'a'],
    ['${STARS#a\\*}', '**yy*'],
    ['${NAME#$MISSING}', 'value'],
    ['${NAME#${X1:+va}}', 'lue'],
    // replacement
    ['${NAME/l/L}', 'vaLue'],
    ['${PATH_LIKE//\\//:}', ':usr:local:bin:tool.tar.gz'],
    ['${PATH_LIKE/\\//:}', ':usr/local/bin/tool.tar.gz'],
    ['${NAME/*/x}', 'x'],
    ['${NAME//?/x}', 'xxxxx'],
    ['${NAME/nothing/x}', 'value'],
    ['${NAME/a/}', 'vlue'],
    ['${NAME/$EMPTY/x}', 'xvalue'],
    ['${NAME///}', 'value'],
    ['${SLASHES//$PATTERN/.}', '.b'],
    ['${SLASHES//\\//\\/}', '\\/a\\/b'],
    ['${NAME/l/$X1}', 'vaoneue'],
    ['${MISSING/a/b}', ''],
    // single quotes
    ["'$NAME'", '$NAME'],
    ["'a\\b'", 'a\\b'],
    ["a'b c'd", 'ab cd'],
    ["''", ''],
    // double quotes
    ['"$NAME"', 'value'],
    ['"a\\"b"', 'a"b'],
    ['"\\$NAME"', '$NAME'],
    ['"a\\\\b"', 'a\\b'],
    ['"a\\nb"', 'a\\nb'],
    ['"it\'s"', "it's"],
    ['""', ''],
    // escapes
    ['\\$NAME', '$NAME'],
    ['\\a', 'a'],
    ['a\\ b', 'a b'],
    ['a\\\\b', 'a\\b'],
    ["\\'", "'"],
    ['\\"', '"'],
    ['at the end\\', 'at the end'],
    ['\\😀', '😀'],
  ])('makes of %j: %j', (word, result) => expect(expanded(word)).toBe(result));

  it.each<[word: string, message: RegExp]>([
    ['${}', /bad substitution/],
    ['${:-x}', /bad substitution/],
    ['${{NAME}}', /bad substitution/],
    ['${', /missing '}'/],
    ['${NAME', /missing '}'/],
    ['${NAME:-x', /missing '}'/],
    ['${NAME:', /unsupported modifier/],
    ['${NAME:#x}', /unsupported modifier \(:#\)/],
    ['${NAME:%x}', /unsupported modifier \(:%\)/],
    ['${NAME:=x}', /unsupported modifier \(:=\)/],
    ['${NAME=x}', /unsupported modifier \(=\)/],
    ['${NAME/x}', /missing '\/'/],
    ['${NAME//x}', /missing '\/'/],
    ['${NAME/x/y', /missing '}'/],
    ['${NAME#\\x}', /invalid escape '\\x'/],
    ['${NAME#a\\\\\\x}', /invalid escape/],
    ['${MISSING:?}', /^MISSING: is not allowed to be unset$/],
    ['${EMPTY:?}', /^EMPTY: is not allowed to be empty$/],
    ['${MISSING?set it}', /^MISSING: set it$/],
    ['${EMPTY:?set it}', /^EMPTY: set it$/],
    ['${NAME:-${MISSING:?inner}}', /^MISSING: inner$/],
    ["'open", /matching single-quote/],
    ['"open', /matching double-quote/],
    ['"open\\"', /matching double-quote/],
  ])('refuses %j', (word, message) => {
    const wanted = expect.objectContaining({ name: 'ExpansionError', word });
    expect(() => expanded(word)).toThrow(wanted);
    expect(() => expanded(word)).toThrow(message);
  });

  it.each<[word: string, result: string]>([
    ['C:\\dir\\$NAME', 'C:\\dir\\value'],
    ['`$NAME', '$NAME'],
    ['a``b', 'a`b'],
    ['"`""', '"'],
    ['"C:\\x"', 'C:\\x'],
  ])('escapes with a backtick where the file says so: %j', (word, result) =>
    expect(expanded(word, { escape: '`' })).toBe(result),
  );

  it.each<[word: string, result: string]>([
    ['it\'s "$NAME"', 'it\'s "value"'],
    ['\\$NAME', '$NAME'],
    ["'$NAME'", "'value'"],
    ['one\ntwo $NAME\n', 'one\ntwo value\n'],
  ])('takes quotes for letters in bodies of heredocs: %j', (word, result) =>
    expect(expanded(word, { quotes: 'literal' })).toBe(result),
  );

  it('can keep quotes and escapes', () =>
    expect(expanded('\'$NAME\' "$NAME" \\$NAME', { quotes: 'keep', keepEscapes: true })).toBe(
      '\'$NAME\' "value" \\$NAME',
    ));

  it('can keep what names nothing', () =>
    expect(expanded('$MISSING ${MISSING} ${MISSING:-x} $NAME', { keepUnset: true })).toBe(
      '$MISSING ${MISSING} ${MISSING:-x} value',
    ));

  it('tells of the names, and which of them had to be there', () => {
    const names: [string, boolean][] = [];
    expanded('$NAME $MISSING ${GONE:-x} ${LOST#y}', { onName: (...name) => names.push(name) });
    expect(names).toEqual([
      ['NAME', true],
      ['MISSING', false],
      ['GONE', true],
      ['LOST', false],
    ]);
  });

  it('refuses endless nesting', () => expect(() => expanded('${A:-'.repeat(50_000))).toThrow(ExpansionError));

  it.each([
    { what: 'many values', word: '$A'.repeat(30_000) },
    { what: 'many values in quotes', word: `"${'$A'.repeat(30_000)}"` },
    { what: 'long replacements', word: '${A//x/$A}' },
    { what: 'a long default', word: `\${B:-${'$A'.repeat(9)}}` },
  ])('refuses what grows beyond measure: $what', ({ word }) => {
    const long = (name: string) => (name === 'A' ? 'x'.repeat(200_000) : undefined);
    expect(() => expand(word, long)).toThrow('it expands to more than 1048576 characters');
  });

  it('takes no long time for patterns with many runs', () => {
    const time = cpuTimeOf(() => {
      expand(`\${LONG/${'*a'.repeat(50)}b/x}`, () => 'a'.repeat(2000));
    });
    expect(time).toBeLessThan(5000);
  });
});

describe('expandWords', () => {
  it.each<[word: string, words: string[]]>([
    ['80 443', ['80', '443']],
    ['$TWO', ['x', 'y']],
    ['"$TWO"', ['x y']],
    ['a$TWO-b', ['ax', 'y-b']],
    ['a\\ b', ['a b']],
    ["'a b' c", ['a b', 'c']],
    ['  a  ', ['a']],
    ['', []],
    ['$MISSING', []],
  ])('splits %j', (word, words) => expect(expandWords(word, (name) => VALUES[name])).toEqual(words));
});
