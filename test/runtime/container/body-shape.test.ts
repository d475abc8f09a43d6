import { describe, expect, it } from 'vitest';
import { parseCreateBody } from '../../../src/runtime/container/body-shape.js';

describe('parseCreateBody', () => {
  it.each([
    { Cmd: 'one', Env: ['A=b'], Labels: null, Tty: true, StopSignal: 'SIGRTMIN+3', NobodyKnows: {} },
    {
      Volumes: { '/data': {} },
      ExposedPorts: { '80/tcp': null },
      Healthcheck: { Test: ['NONE'], Retries: 0 },
    },
    {
      HostConfig: {
        PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] },
        Mounts: [{ Type: 'tmpfs', Target: '/t', TmpfsOptions: { Options: [['size', '1m']] } }],
        ConsoleSize: [24, 80],
        PidsLimit: null,
      },
      NetworkingConfig: { EndpointsConfig: { net: null, other: { Aliases: ['a'], IPAMConfig: {} } } },
    },
  ])('takes %j', (body) => expect(parseCreateBody(body)).toBe(body));

  it.each([
    { body: { Cmd: { length: 5 } }, says: 'it has a Cmd that must be text or a list of texts' },
    { body: { Env: ['A=b', 1] }, says: 'it has a Env that has an element that must be text' },
    { body: { Labels: { a: 1 } }, says: 'it has a Labels that has a member "a" that must be text' },
    { body: { StopTimeout: '5' }, says: 'it has a StopTimeout that must be a whole number' },
    {
      body: { HostConfig: { Memory: 1e30 } },
      says: 'it has a HostConfig that has a Memory that must be a whole number',
    },
    {
      body: { HostConfig: { Mounts: [{ Type: 'bind', BindOptions: { Propagation: 1 } }] } },
      says: 'a Mounts that has an element that has a BindOptions that has a Propagation that must be text',
    },
    { body: { HostConfig: [] }, says: 'it has a HostConfig that must be an object' },
    { body: { StopSignal: 'SIGNOPE' }, says: 'invalid StopSignal: unknown signal "SIGNOPE"' },
  ])('refuses $body', ({ body, says }) =>
    expect(() => parseCreateBody(body)).toThrow(
      expect.objectContaining({ name: 'InvalidContainerError', message: expect.stringContaining(says) }),
    ),
  );
});
