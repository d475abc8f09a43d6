import { describe, expect, it } from 'vitest';
import { requiredPerl, requiredProgram } from '../../src/runtime/programs.js';

describe('requiredProgram', () => {
  it('says where a program lies', () =>
    expect(requiredProgram('sh', { package: 'dash', for: 'tests' })).toMatch(/^\/.*\/sh$/));
  it('says what is not possible without one, and which package has it', () =>
    expect(() => requiredProgram('no-such-program', { package: 'some-package', for: 'tests' })).toThrow(
      expect.objectContaining({
        name: 'RuntimeUnavailableError',
        message:
          'no-such-program is needed for tests, and is not installed: install the package some-package',
      }),
    ));
  it('knows Perl', () => expect(requiredPerl('tests')).toMatch(/\/perl$/));
});
