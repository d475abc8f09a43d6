import { describe, expect, it } from 'vitest';
import { isKernelAtLeast } from '../../src/runtime/kernel-version.js';

describe('isKernelAtLeast', () => {
  it.each([
    { kernel: '6.1.0-13-amd64', wanted: '5.19', is: true },
    { kernel: '5.19.0', wanted: '5.19', is: true },
    { kernel: '5.4.0-200-generic', wanted: '5.11', is: false },
    { kernel: '5.110.0', wanted: '5.11', is: true },
    { kernel: '4.18-rc1', wanted: '4.8', is: true },
    { kernel: '4.18+', wanted: '5.0', is: false },
  ])('$kernel is at least $wanted: $is', ({ kernel, wanted, is }) =>
    expect(isKernelAtLeast(wanted, kernel)).toBe(is),
  );
});
