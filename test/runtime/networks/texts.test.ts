import { describe, expect, it } from 'vitest';
import {
  containerHosts,
  containerResolvConf,
  type Endpoint,
  linkEnvironment,
  linkHostsLine,
  type Network,
  parseLink,
  portsText,
  publishedPorts,
} from '../../../src/runtime/networks/index.js';
import { planEndpoint } from '../../../src/runtime/networks/plan-endpoint.js';

const endpoint: Endpoint = {
  networkId: 'f'.repeat(64),
  networkName: 'app',
  endpointId: 'e'.repeat(64),
  interfaceName: 'eth0',
  ipAddress: '172.18.0.2',
  prefixLength: 16,
  gateway: '172.18.0.1',
  ipv6Address: '',
  ipv6PrefixLength: 0,
  ipv6Gateway: '',
  macAddress: '02:42:ac:12:00:02',
  aliases: [],
  links: [],
  dnsNames: ['web'],
  dnsServer: '172.18.0.1',
};
const APP: Network = {
  id: 'f'.repeat(64),
  name: 'app',
  createdAt: '2026-01-31T12:00:00Z',
  driver: 'bridge',
  isInternal: false,
  isAttachable: false,
  hasIPv6: false,
  pools: [{ subnet: '172.18.0.0/16', gateway: '172.18.0.1' }],
  options: {},
  labels: {},
};
const onBridge: Endpoint = { ...endpoint, networkName: 'bridge', dnsNames: [], dnsServer: '' };
const MACHINE =
  '# of the machine\nnameserver 127.0.0.1\nnameserver 9.9.9.9\nsearch example.org\noptions edns0\n';

describe('containerHosts', () => {
  it('is as docker writes it', () => {
    const extraHosts = ['a:1.2.3.4', 'b=[fd00::1]', 'machine:host-gateway'];
    const names = { hostname: 'h', domainname: 'd.org', extraHosts, links: ['172.18.0.9\tdb'] };
    expect(containerHosts([endpoint], names).split('\n').slice(6)).toEqual([
      '1.2.3.4\ta',
      'fd00::1\tb',
      '172.18.0.1\tmachine',
      '172.18.0.9\tdb',
      '172.18.0.2\th.d.org h',
      '',
    ]);
  });
  it.each(['a', 'a:b', ':1.2.3.4', 'a b:1.2.3.4'])('refuses --add-host %j', (text) =>
    expect(() => containerHosts([endpoint], { hostname: 'h', extraHosts: [text] })).toThrow('bad format'),
  );
});

describe('containerResolvConf', () => {
  it.each([
    {
      of: 'a network of one’s own',
      endpoints: [endpoint],
      options: {},
      text: 'nameserver 172.18.0.1\nsearch example.org\noptions edns0 ndots:0\n',
    },
    {
      of: 'the usual bridge',
      endpoints: [onBridge],
      options: {},
      text: 'nameserver 9.9.9.9\nsearch example.org\noptions edns0\n',
    },
    {
      of: 'the usual bridge with flags',
      endpoints: [onBridge],
      options: { dns: ['1.1.1.1'], dnsSearch: ['.'], dnsOptions: ['ndots:2'] },
      text: 'nameserver 1.1.1.1\noptions ndots:2\n',
    },
  ])('in $of', ({ endpoints, options, text }) =>
    expect(containerResolvConf(endpoints, options, MACHINE)).toBe(text),
  );
});

describe('links', () => {
  it.each([
    { text: 'db', container: 'db', alias: 'db' },
    { text: '/db:/web/store', container: 'db', alias: 'store' },
  ])('are read: $text', ({ text, ...link }) => expect(parseLink(text)).toEqual(link));
  it('are told of as docker does', () => {
    const ports = [
      { containerPort: 53, protocol: 'udp' as const },
      { containerPort: 5432, protocol: 'tcp' as const },
    ];
    const env = ['PATH=/bin', 'PGDATA=/d'];
    const target = { id: 'ab'.repeat(32), name: 'pg', alias: 'my-db', ipAddress: '172.17.0.2', ports, env };
    expect(linkHostsLine(target)).toBe('172.17.0.2\tmy-db abababababab pg');
    expect(linkEnvironment('web', target)).toEqual([
      'MY_DB_PORT=tcp://172.17.0.2:5432',
      'MY_DB_PORT_5432_TCP=tcp://172.17.0.2:5432',
      'MY_DB_PORT_5432_TCP_ADDR=172.17.0.2',
      'MY_DB_PORT_5432_TCP_PORT=5432',
      'MY_DB_PORT_5432_TCP_PROTO=tcp',
      'MY_DB_PORT_53_UDP=udp://172.17.0.2:53',
      'MY_DB_PORT_53_UDP_ADDR=172.17.0.2',
      'MY_DB_PORT_53_UDP_PORT=53',
      'MY_DB_PORT_53_UDP_PROTO=udp',
      'MY_DB_NAME=/web/my-db',
      'MY_DB_ENV_PGDATA=/d',
    ]);
  });
});

describe('published ports', () => {
  it('are read from docker’s bindings, and shown as docker ps shows them', () => {
    const bindings = {
      '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '8080' }, { HostPort: '9000-9010' }],
      '53/udp': null,
    };
    const ports = publishedPorts(bindings, ['80/tcp', '443/tcp']);
    expect(ports).toEqual([
      { hostIp: '127.0.0.1', hostPort: 8080, containerPort: 80, protocol: 'tcp' },
      { hostIp: '', hostPort: 9000, lastHostPort: 9010, containerPort: 80, protocol: 'tcp' },
      { hostIp: '', hostPort: 0, containerPort: 53, protocol: 'udp' },
      { hostIp: '', hostPort: 0, containerPort: 443, protocol: 'tcp' },
    ]);
    expect(portsText(ports.slice(0, 1), ['443/tcp'])).toBe('443/tcp, 127.0.0.1:8080->80/tcp');
    const same = (port: number, hostIp: string, protocol = 'tcp') =>
      publishedPorts({ [`${port}/${protocol}`]: [{ HostIp: hostIp, HostPort: String(port) }] });
    const range = [9002, 9000, 9001, 9005].flatMap((port) => same(port, '127.0.0.1'));
    const six = [...same(9001, '::'), ...same(9000, '::'), ...same(9000, '127.0.0.1', 'udp')];
    // As docker has it: what is no neighbour of the rest comes where its group ends.
    expect(portsText([...ports.slice(0, 1), ...range, ...six], ['9003/tcp', '9004/tcp'])).toBe(
      '127.0.0.1:9000-9002->9000-9002/tcp, 127.0.0.1:9005->9005/tcp, 127.0.0.1:9000->9000/udp, ' +
        '[::]:9000-9001->9000-9001/tcp, 9003-9004/tcp, 127.0.0.1:8080->80/tcp',
    );
  });
  it.each([
    { '0/tcp': [] },
    { '80/tcp': [{ HostPort: '70000' }] },
    { '80/tcp': [{ HostPort: '9-8' }] },
    { '80/xyz': [] },
    { '80/tcp': [{ HostIp: 'here' }] },
  ])('are refused: %j', (bindings) => expect(() => publishedPorts(bindings)).toThrow(/^invalid /));
});

describe('planEndpoint', () => {
  it('answers for no name that would be more than one to the name server', () => {
    const container = { id: 'abcdef012345', name: 'web', hostname: 'h\nx 172.18.0.9 other' };
    const { dnsNames } = planEndpoint(APP, { network: 'app' }, container, {
      addresses: new Set(),
      interfaces: [],
    });
    expect(dnsNames).toEqual(['web', 'abcdef012345']);
  });
});
