import { describe, expect, it } from 'vitest';
import { checkEarly } from '../../../src/runtime/container/early-checks.js';

const find = (text: string) => {
  if (text !== 'there') throw new Error(`No such container: ${text}`);
};
const check = (hostConfig: Parameters<typeof checkEarly>[1], config = {}) =>
  checkEarly(config, hostConfig, find);

describe('what a container is refused for before it is made', () => {
  it.each([
    { PidMode: 'container:gone', why: 'No such container: gone' },
    { NetworkMode: 'container:gone', why: 'No such container: gone' },
    { Links: ['gone:db'], why: 'No such container: gone' },
    { PidMode: 'odd', why: 'invalid PID mode: odd' },
    { IpcMode: 'odd', why: 'invalid IPC mode: odd' },
    { CgroupnsMode: 'odd', why: 'invalid cgroup namespace mode: odd' },
    { Annotations: { '': 'x' }, why: 'the empty string is not permitted as an annotation key' },
    { UTSMode: 'container:there', why: 'invalid UTS mode: container:there' },
    { Dns: ['odd'], why: 'invalid address of a DNS server "odd"' },
    { ExtraHosts: ['odd'], why: 'bad format for add-host: "odd"' },
    { Sysctls: { 'kernel.panic': '1' }, why: "sysctl 'kernel.panic' is not allowed" },
    {
      NetworkMode: 'host',
      Sysctls: { 'net.ipv4.ip_forward': '1' },
      why: 'not allowed in host network namespace',
    },
    { Ulimits: [{ Name: 'odd', Soft: 1, Hard: 1 }], why: 'there is no ulimit "odd"' },
    { OomScoreAdj: 5000, why: 'Invalid value 5000' },
    { ShmSize: -1, why: 'SHM size can not be less than 0' },
    { NetworkMode: 'container:there', Dns: ['10.0.0.1'], why: 'dns and the network mode' },
    {
      NetworkMode: 'container:there',
      ExtraHosts: ['a:10.0.0.1'],
      why: 'custom host-to-IP mapping and the network mode',
    },
    { Runtime: 'runsc', why: 'Unknown runtime specified runsc' },
    { Isolation: 'hyperv', why: 'Invalid isolation: "hyperv"' },
    { StorageOpt: { size: '1G' }, why: '--storage-opt is not possible here' },
    { CpuRealtimeRuntime: 1, why: 'real-time' },
  ])('$why', ({ why, ...hostConfig }) => {
    expect(() => check(hostConfig)).toThrow(why);
  });
  it('a working directory that begins nowhere', () => {
    expect(() => check({}, { WorkingDir: 'rel' })).toThrow("the working directory 'rel' is invalid");
  });
  it.each([
    { NetworkMode: 'container:there', why: 'hostname and the network mode' },
    { UTSMode: 'host', why: 'hostname and the UTS mode' },
  ])('$why', ({ why, ...hostConfig }) => {
    expect(() => check(hostConfig, { Hostname: 'name' })).toThrow(why);
  });
  it('and not for what it may have', () => {
    const shared = { NetworkMode: 'container:there', PidMode: 'container:there', IpcMode: 'shareable' };
    check({
      ...shared,
      UTSMode: 'host',
      CgroupnsMode: 'host',
      Annotations: { a: '' },
      Runtime: 'runc',
      Isolation: 'default',
      StorageOpt: {},
    });
    check({ Dns: ['10.0.0.1'], ExtraHosts: ['a:host-gateway', 'b=10.0.0.2'], Links: ['there'] });
  });
});
