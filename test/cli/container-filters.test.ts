import { describe, expect, it } from 'vitest';
import { chooseContainers } from '../../src/cli/container-filters.js';
import type { ContainerRecord } from '../../src/runtime/container/index.js';

const CONTAINER = {
  name: 'web',
  config: { ExposedPorts: { '80/tcp': {}, '53/udp': {} } },
  hostConfig: { NetworkMode: 'lab', PortBindings: { '80/tcp': [{ HostIp: '', HostPort: '8080' }] } },
  networkingConfig: { EndpointsConfig: { lab: {}, more: {} } },
  mounts: [{ type: 'volume', name: 'kept', destination: '/data' }],
} as unknown as ContainerRecord;

describe('a filter of containers', () => {
  it.each([
    { text: 'publish=8080', accepts: true },
    { text: 'publish=8000-8090/tcp', accepts: true },
    { text: 'publish=8080/udp', accepts: false },
    { text: 'publish=80', accepts: false },
    { text: 'expose=80', accepts: true },
    { text: 'expose=53', accepts: false },
    { text: 'expose=53/udp', accepts: true },
    { text: 'network=more', accepts: true },
    { text: 'network=bridge', accepts: false },
    { text: 'volume=kept', accepts: true },
    { text: 'volume=/data', accepts: true },
    { text: 'volume=other', accepts: false },
  ])('$text: $accepts', ({ text, accepts }) =>
    expect(chooseContainers([CONTAINER], [text])).toEqual(accepts ? [CONTAINER] : []),
  );

  it.each(['publish=x', 'nosuch=1', 'network'])('%s is refused', (text) =>
    expect(() => chooseContainers([CONTAINER], [text])).toThrow(
      expect.objectContaining({ name: 'UsageError' }),
    ),
  );
});
