import { describe, expect, it } from 'vitest';
import { FormatError, formatRows, labelOf, Template } from '../../src/cli/format-template.js';

const DATA = {
  Id: 'sha256:abc',
  Size: 1234,
  RepoTags: ['app:1', 'app:2'],
  Empty: [],
  Config: { Env: ['A=1', 'B=2'], Labels: { team: 'blue', 'org.example/x': 'y' }, Cmd: null },
};

describe('a format', () => {
  it.each([
    ['plain', 'plain'],
    ['{{.Id}}', 'sha256:abc'],
    ['{{ .Size }} bytes', '1234 bytes'],
    ['{{json .RepoTags}}', '["app:1","app:2"]'],
    ['{{.RepoTags}}', '[app:1 app:2]'],
    ['{{.Config.Labels}}', 'map[org.example/x:y team:blue]'],
    ['{{.Config.Labels.team}}', 'blue'],
    ['{{.Config.Labels.none}}', '<no value>'],
    ['{{index .Config.Labels "org.example/x"}}', 'y'],
    ['{{index .Config.Labels "none"}}', ''],
    ['{{index .RepoTags 1}}', 'app:2'],
    ['{{join .RepoTags ", "}}', 'app:1, app:2'],
    ['{{range .RepoTags}}<{{.}}>{{end}}', '<app:1><app:2>'],
    ['{{range .Empty}}x{{else}}none{{end}}', 'none'],
    ['{{range $i, $tag := .RepoTags}}{{$i}}={{$tag}};{{end}}', '0=app:1;1=app:2;'],
    ['{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}', 'org.example/x=y team=blue '],
    ['{{range .Config.Env}}{{println .}}{{end}}', 'A=1\nB=2\n'],
    ['{{if .Config.Cmd}}yes{{else}}no{{end}}', 'no'],
    ['{{if eq .Size 1}}1{{else if gt .Size 1000}}many{{else}}few{{end}}', 'many'],
    ['{{if and .Id (not .Empty)}}ok{{end}}', 'ok'],
    ['{{with .Config}}{{len .Env}}{{end}}', '2'],
    ['{{upper .Id}} {{lower "AB"}} {{title "some words"}}', 'SHA256:ABC ab Some Words'],
    ['{{printf "%-8s|%5d|%q|%v|%%" .Id .Size "a" .Empty}}', 'sha256:abc| 1234|"a"|[]|%'],
    ['{{.Id | upper | printf "%s!"}}', 'SHA256:ABC!'],
    ['{{$x := .Size}}{{$x}}', '1234'],
    ['{{range .RepoTags}}{{$.Size}} {{end}}', '1234 1234 '],
    ['a {{- /* gone */ -}} b', 'ab'],
    ['a\n{{- .Size -}}\nb', 'a1234b'],
    ['{{"quoted }} braces"}}', 'quoted }} braces'],
    ['{{truncate .Id 6}}{{slice .RepoTags 1}}', 'sha256[app:2]'],
    ['{{(index .RepoTags 0)}}', 'app:1'],
    ['{{json .Config.Cmd}}', 'null'],
  ])('%s gives %s', (source, text) => expect(new Template(source).render(DATA)).toBe(text));

  it.each([
    ['{{.Nothing}}', 'there is no .Nothing'],
    ['{{.Id', 'not closed'],
    ['{{if .Id}}x', 'no {{end}}'],
    ['{{end}}', 'unexpected {{end}}'],
    ['{{nope .Id}}', 'no function is called nope'],
    ['{{.Id 1}}', 'only a function takes arguments'],
    ['{{}}', 'a value is missing'],
    ['{{index .RepoTags 7}}', 'has no item 7'],
    ['{{$y}}', 'no variable'],
  ])('refuses %s: %s', (source, message) => {
    const render = () => new Template(source).render(DATA);
    expect(render).toThrow(FormatError);
    expect(render).toThrow(message);
  });
});

describe('rows', () => {
  const rows = [
    { ID: 'abc', Name: 'short' },
    { ID: 'def', Name: 'a rather long name' },
  ];
  const headers = { ID: 'IMAGE ID', Name: 'NAME' };

  it('come in columns as docker has them', () => {
    expect(formatRows(rows, 'table {{.Name}}\\t{{.ID}}', headers)).toBe(
      'NAME                 IMAGE ID\nshort                abc\na rather long name   def\n',
    );
  });

  it('come as JSON, or as any text', () => {
    expect(formatRows(rows, 'json', headers)).toBe(
      '{"ID":"abc","Name":"short"}\n{"ID":"def","Name":"a rather long name"}\n',
    );
    expect(formatRows(rows, '{{.ID}}\\n', headers)).toBe('abc\n\ndef\n\n');
  });

  it('have labels by their names', () => {
    const labelled = rows.map((row) => ({ ...row, Label: labelOf({ 'org.example.tier': row.ID }) }));
    expect(formatRows(labelled, 'table {{.Name}}\\t{{.Label "org.example.tier"}}', headers)).toBe(
      'NAME                 tier\nshort                abc\na rather long name   def\n',
    );
    expect(
      formatRows(labelled, '{{if eq (.Label "org.example.tier") "def"}}{{.Label "other"}}.{{end}}', headers),
    ).toBe('\n.\n');
  });
});
