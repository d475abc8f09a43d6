import { describe, expect, it } from 'vitest';
import {
  chooseAddress,
  choosePool,
  expectSubnet,
  inventPool6,
  parsePool,
} from '../../../src/runtime/networks/address-pool.js';

const taken = (...subnets: readonly string[]) => subnets.map(expectSubnet);

describe('choosePool', () => {
  it.each([
    { others: [], subnet: '172.17.0.0/16', gateway: '172.17.0.1' },
    { others: ['172.17.0.0/16', '172.18.4.0/24'], subnet: '172.19.0.0/16', gateway: '172.19.0.1' },
    { others: ['172.16.0.0/12'], subnet: '192.168.0.0/20', gateway: '192.168.0.1' },
    { others: ['172.16.0.0/12', '192.168.1.0/24'], subnet: '192.168.16.0/20', gateway: '192.168.16.1' },
  ])('takes $subnet when others have $others', ({ others, subnet, gateway }) =>
    expect(choosePool(taken(...others))).toEqual({ subnet, gateway }),
  );
  it('says when all are taken', () =>
    expect(() => choosePool(taken('172.16.0.0/12', '192.168.0.0/16'))).toThrow('fully subnetted'));
});

describe('inventPool6', () => {
  it('is a subnet of 64 bits that nobody else has', () => {
    expect(inventPool6().subnet).toMatch(/^fd[0-9a-f:]+::\/64$/);
    expect(inventPool6().subnet).not.toBe(inventPool6().subnet);
  });
});

describe('parsePool', () => {
  it.each([
    { request: { Subnet: '10.1.2.3/16' }, pool: { subnet: '10.1.0.0/16', gateway: '10.1.0.1' } },
    {
      request: { Subnet: '10.1.0.0/16', IPRange: '10.1.5.0/24' },
      pool: { subnet: '10.1.0.0/16', gateway: '10.1.5.0', range: '10.1.5.0/24' },
    },
    { request: { Subnet: 'fd00::/64' }, pool: { subnet: 'fd00::/64', gateway: 'fd00::1' } },
    // Where services of clouds are imitated.
    {
      request: { Subnet: '169.254.170.0/24' },
      pool: { subnet: '169.254.170.0/24', gateway: '169.254.170.1' },
    },
  ])('reads $request', ({ request, pool }) => expect(parsePool(request)).toEqual(pool));
  it.each([
    { request: { Subnet: 'x' }, why: 'invalid subnet "x"' },
    { request: { Subnet: '10.0.0.0/31' }, why: 'no room' },
    { request: { Subnet: '10.1.0.0/16', Gateway: '10.2.0.1' }, why: 'invalid gateway 10.2.0.1' },
    { request: { Subnet: '10.1.0.0/16', IPRange: '10.0.0.0/8' }, why: 'invalid ip-range' },
    { request: { Subnet: '127.1.0.0/16' }, why: 'addresses of 127.0.0.0/8 never leave the machine' },
    { request: { Subnet: '0.0.0.0/0' }, why: 'addresses of 0.0.0.0/8 stand for this machine itself' },
    { request: { Subnet: '239.1.0.0/16' }, why: 'addresses of 224.0.0.0/4 are those of multicast groups' },
    { request: { Subnet: '255.255.255.0/24' }, why: '255.255.255.255/32 stand for everybody' },
    { request: { Subnet: 'fe80::/64' }, why: 'addresses of fe80::/10 are on each link' },
    { request: { Subnet: 'ff02::/64' }, why: 'addresses of ff00::/8 are those of multicast groups' },
    { request: { Subnet: '::/64' }, why: 'addresses of ::/127 stand for this machine itself' },
  ])('refuses $request: $why', ({ request, why }) => expect(() => parsePool(request)).toThrow(why));
});

describe('chooseAddress', () => {
  const pool = { subnet: '10.0.0.0/29', gateway: '10.0.0.1', auxiliary: { printer: '10.0.0.3' } };

  it('is the first that nobody has, and never one that is kept', () => {
    const given = new Set<string>();
    for (let i = 0; i < 4; i += 1) given.add(chooseAddress(pool, given));
    expect([...given]).toEqual(['10.0.0.2', '10.0.0.4', '10.0.0.5', '10.0.0.6']);
    expect(() => chooseAddress(pool, given)).toThrow('no available IPv4 addresses');
  });
  it.each([
    { wanted: '10.0.0.6', why: undefined },
    { wanted: '10.0.1.6', why: 'no configured subnet' },
    { wanted: '10.0.0.3', why: 'already in use' },
    { wanted: '10.0.0.7', why: 'no address for a container' },
    { wanted: '10.0.0.2', why: 'already in use' },
  ])('of $wanted, when it is asked for: $why', ({ wanted, why }) => {
    const choose = () => chooseAddress(pool, new Set(['10.0.0.2']), wanted);
    if (why === undefined) expect(choose()).toBe(wanted);
    else expect(choose).toThrow(why);
  });
});
