import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { freePort } from './free-port.js';

it('is given once, and is none that a connection of somebody else may have meanwhile', async () => {
  const ports = await Promise.all(Array.from({ length: 300 }, () => freePort()));
  expect(new Set(ports).size).toBe(ports.length);
  const [first] = readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split('\t').map(Number);
  expect(Math.max(...ports)).toBeLessThan(first ?? 0);
});
