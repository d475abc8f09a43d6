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

describe('a value as docker prints it', () => {
  const container = {
    State: { Status: 'created', Running: false, ExitCode: 0, Error: '' },
    HostConfig: {
      PortBindings: {
        '81/udp': [{ HostIp: '', HostPort: '' }],
        '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }],
      },
      LogConfig: { Type: 'json-file', Config: {} },
      RestartPolicy: { Name: 'no', MaximumRetryCount: 0 },
      PidsLimit: null,
    },
    GraphDriver: { Name: 'overlay2', Data: { UpperDir: '/u', MergedDir: '/m' } },
    Config: { Entrypoint: null, Labels: { B: '1', A: '2' }, Volumes: null, ExposedPorts: { '80/tcp': {} } },
    NetworkSettings: { Ports: {}, Networks: { Front: null } },
  };
  it.each([
    ['.State', '{created false 0 }'],
    ['.HostConfig.PortBindings', 'map[80/tcp:[{127.0.0.1 8080}] 81/udp:[{ }]]'],
    ['.HostConfig.LogConfig', '{json-file map[]}'],
    ['.HostConfig.RestartPolicy', '{no 0}'],
    ['.HostConfig.PidsLimit', '<nil>'],
    ['.GraphDriver', '{overlay2 map[MergedDir:/m UpperDir:/u]}'],
    ['.GraphDriver.Data', 'map[MergedDir:/m UpperDir:/u]'],
    ['.Config', '{[] map[A:2 B:1] map[] map[80/tcp:{}]}'],
    ['.Config.Entrypoint', '[]'],
    ['.Config.Volumes', 'map[]'],
    ['.Config.ExposedPorts', 'map[80/tcp:{}]'],
    ['(.Config).Labels', 'map[A:2 B:1]'],
    ['.NetworkSettings.Ports', 'map[]'],
    ['.NetworkSettings.Networks', 'map[Front:<nil>]'],
    ['.Config.Healthcheck', '<no value>'],
  ])('%s is %s', (path, text) => expect(new Template(`{{${path}}}`).render(container)).toBe(text));
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
