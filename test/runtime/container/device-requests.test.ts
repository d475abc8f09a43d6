import { describe, expect, it } from 'vitest';
import { expectNoRequests } from '../../../src/runtime/container/device-requests.js';

describe('expectNoRequests', () => {
  it.each([undefined, null, []])('is content with %j', (requests) => {
    expect(() => expectNoRequests(requests)).not.toThrow();
  });
  it.each([
    { request: { Driver: '', Count: -1, Capabilities: [['gpu']] }, driver: '""', capabilities: '[[gpu]]' },
    {
      request: { Driver: 'nvidia', Capabilities: [['gpu', 'utility'], ['tpu']] },
      driver: '"nvidia"',
      capabilities: '[[gpu utility] [tpu]]',
    },
  ])('refuses $request as docker does', ({ request, driver, capabilities }) =>
    expect(() => expectNoRequests([request])).toThrow(
      expect.objectContaining({
        name: 'InvalidContainerError',
        message: `could not select device driver ${driver} with capabilities: ${capabilities}`,
      }),
    ),
  );
  it('says which names of CDI it is about, and what there is instead', () => {
    const request = { Driver: 'cdi', DeviceIDs: ['a.com/b=c', 'a.com/b=d'] };
    expect(() => expectNoRequests([request])).toThrow(
      'could not select device driver "cdi" for a.com/b=c, a.com/b=d: containers get devices by their paths',
    );
  });
});
