import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it } from 'vitest';
import { BuildLines } from '../../src/engine/build/build-lines.js';
import { parseBuildQuery } from '../../src/engine/build/build-query.js';
import { EngineError } from '../../src/engine/errors.js';
import { JsonStream } from '../../src/engine/json-stream.js';

describe('parseBuildQuery', () => {
  it('reads what docker build sends', () => {
    const query = new URLSearchParams({
      buildargs: '{"A":"1","GONE":null}',
      labels: '{"team":"blue"}',
      networkmode: 'host',
      nocache: '1',
      shmsize: '67108864',
      ulimits: '[{"Name":"nofile","Soft":10,"Hard":20}]',
      cachefrom: '["app:old"]',
      target: 'build',
      version: '1',
    });
    query.append('t', 'app');
    query.append('t', 'reg.example/app:2');
    expect(parseBuildQuery(query)).toMatchObject({
      names: ['docker.io/library/app:latest', 'reg.example/app:2'],
      buildArgs: new Map([['A', '1']]),
      labels: new Map([['team', 'blue']]),
      network: 'host',
      noCache: true,
      pull: false,
      shmBytes: 67_108_864,
      ulimits: [{ name: 'nofile', soft: 10, hard: 20 }],
      cacheFrom: ['app:old'],
      target: 'build',
      dockerfile: undefined,
    });
  });

  it.each([
    'version=2',
    'networkmode=container:x',
    'buildargs=[]',
    'ulimits={}',
    't=app@sha256:00',
    'remote=/etc',
  ])('refuses %s', (text) => expect(() => parseBuildQuery(new URLSearchParams(text))).toThrow());

  it('says what to do about BuildKit', () =>
    expect(() => parseBuildQuery(new URLSearchParams('version=2'))).toThrow(
      new EngineError(400, 'this engine builds by itself, not with BuildKit: set DOCKER_BUILDKIT=0'),
    ));
});

describe('BuildLines', () => {
  it('are those of the classic builder', async () => {
    expect(
      await written((lines) => {
        lines.begin('[build 2/4] RUN make \\\n  all').output('stdout', Buffer.from('made\n'));
        lines.begin('[ 3/12] COPY a b').cached();
        lines.warn('careful');
        lines.finish(`sha256:${'0123456789ab'.padEnd(64, '0')}`, ['app:1']);
      }),
    ).toEqual([
      { stream: 'Step 2/4 : RUN make all (build)\n' },
      { stream: 'made\n' },
      { stream: 'Step 3/12 : COPY a b\n' },
      { stream: ' ---> Using cache\n' },
      { stream: '[Warning] careful\n' },
      { aux: { ID: `sha256:${'0123456789ab'.padEnd(64, '0')}` } },
      { stream: 'Successfully built 0123456789ab\n' },
      { stream: 'Successfully tagged app:1\n' },
    ]);
  });
});

/** What a client reads of a stream of lines. */
async function written(write: (lines: BuildLines) => void): Promise<unknown[]> {
  const server = createServer((_message, answer) => {
    const stream = new JsonStream(answer);
    write(new BuildLines(stream, { quiet: false }));
    stream.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const text = await (await fetch(`http://127.0.0.1:${port}/`)).text();
  server.close();
  return text
    .split('\r\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);
}
