import { describe, expect, it } from 'vitest';
import { DockerfileError } from '../../src/builder/dockerfile/index.js';
import { applyChanges, ChangeError } from '../../src/builder/index.js';

describe('changes of an imported image', () => {
  it('are instructions of a Dockerfile', () => {
    expect(
      applyChanges([
        'ENV A=1',
        'ENV B=$A PATH=/bin',
        'CMD ["/bin/sh", "-c"]',
        'ENTRYPOINT run it',
        'EXPOSE 80 53/udp',
        'LABEL team=blue',
        'WORKDIR /srv',
        'WORKDIR app',
        'USER 1000:1000',
        'VOLUME /data',
        'STOPSIGNAL SIGINT',
      ]),
    ).toEqual({
      Env: ['A=1', 'B=1', 'PATH=/bin'],
      Cmd: ['/bin/sh', '-c'],
      Entrypoint: ['/bin/sh', '-c', 'run it'],
      ExposedPorts: { '80/tcp': {}, '53/udp': {} },
      Labels: { team: 'blue' },
      WorkingDir: '/srv/app',
      User: '1000:1000',
      Volumes: { '/data': {} },
      StopSignal: 'SIGINT',
    });
  });

  it.each([
    { change: 'RUN true', error: ChangeError },
    { change: 'COPY a b', error: ChangeError },
    { change: 'NONSENSE', error: DockerfileError },
  ])('cannot be $change', ({ change, error }) => expect(() => applyChanges([change])).toThrow(error));
});
