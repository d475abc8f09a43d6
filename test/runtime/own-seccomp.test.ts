import { describe, expect, it } from 'vitest';
import { ownSeccomp, parseSeccompProfile } from '../../src/runtime/own-seccomp.js';

const MACHINE = { architecture: 'x64', kernel: '6.1.0-18-amd64' };
const ERRNO = 'SCMP_ACT_ERRNO';
const ALLOW = 'SCMP_ACT_ALLOW';

function resolved(profile: object, { capabilities = [] as string[], machine = MACHINE } = {}) {
  return ownSeccomp(parseSeccompProfile(JSON.stringify(profile)), capabilities, machine);
}

function namesUnder(condition: object, options: { capabilities?: string[]; machine?: typeof MACHINE } = {}) {
  const rule = { names: ['mount'], action: ALLOW, ...condition };
  return resolved({ defaultAction: ERRNO, syscalls: [rule] }, options).syscalls.flatMap(({ names }) => names);
}

describe('a seccomp profile of your own', () => {
  it('becomes what the runtime takes', () => {
    const args = [{ index: 0, value: 8, op: 'SCMP_CMP_EQ' }];
    expect(
      resolved({
        defaultAction: ALLOW,
        archMap: [
          { architecture: 'SCMP_ARCH_AARCH64', subArchitectures: ['SCMP_ARCH_ARM'] },
          { architecture: 'SCMP_ARCH_X86_64', subArchitectures: ['SCMP_ARCH_X86'] },
        ],
        syscalls: [
          {
            name: 'chmod',
            names: null,
            action: ERRNO,
            errnoRet: 38,
            args: null,
            includes: null,
            comment: 'no',
          },
          { names: ['personality'], action: ALLOW, args },
        ],
      }),
    ).toEqual({
      defaultAction: ALLOW,
      architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86'],
      syscalls: [
        { names: ['chmod'], action: ERRNO, errnoRet: 38 },
        { names: ['personality'], action: ALLOW, args },
      ],
    });
  });

  it.each([
    { condition: { includes: { caps: ['CAP_SYS_ADMIN'] } }, capabilities: [], counts: false },
    { condition: { includes: { caps: ['CAP_SYS_ADMIN'] } }, capabilities: ['CAP_SYS_ADMIN'], counts: true },
    { condition: { excludes: { caps: ['CAP_SYS_ADMIN'] } }, capabilities: ['CAP_SYS_ADMIN'], counts: false },
    { condition: { includes: { arches: ['amd64'] } }, capabilities: [], counts: true },
    { condition: { includes: { arches: ['arm64'] } }, capabilities: [], counts: false },
    { condition: { excludes: { arches: ['amd64'] } }, capabilities: [], counts: false },
    { condition: { includes: { minKernel: '4.8' } }, capabilities: [], counts: true },
    { condition: { includes: { minKernel: '6.12' } }, capabilities: [], counts: false },
    { condition: { excludes: { minKernel: '6.1' } }, capabilities: [], counts: false },
  ])('has a rule with $condition and $capabilities: $counts', ({ condition, capabilities, counts }) =>
    expect(namesUnder(condition, { capabilities })).toEqual(counts ? ['mount'] : []),
  );

  it.each([
    { text: 'no', why: /no JSON/ },
    { text: '[]', why: /must be an object/ },
    { text: '{}', why: /defaultAction/ },
    { text: '{"defaultAction":"ERRNO"}', why: /defaultAction/ },
    {
      text: '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":{"length":1}}',
      why: /syscalls that must be a list/,
    },
    {
      text: '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":[5],"action":"SCMP_ACT_LOG"}]}',
      why: /names/,
    },
    { text: '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"names":["read"]}]}', why: /without an action/ },
    {
      text: '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","names":["b"],"action":"SCMP_ACT_LOG"}]}',
      why: /both name and names/,
    },
    {
      text: '{"defaultAction":"SCMP_ACT_ALLOW","syscalls":[{"name":"a","action":"SCMP_ACT_LOG","args":[{"index":0,"value":1e30}]}]}',
      why: /value that must be a whole number/,
    },
    { text: '{"defaultAction":"SCMP_ACT_NOTIFY","listenerPath":"/run/x"}', why: /listenerPath/ },
    {
      text: '{"defaultAction":"SCMP_ACT_ALLOW","architectures":["a"],"archMap":[{"architecture":"b"}]}',
      why: /both architectures and archMap/,
    },
  ])('is refused as $text', ({ text, why }) => expect(() => parseSeccompProfile(text)).toThrow(why));
});
