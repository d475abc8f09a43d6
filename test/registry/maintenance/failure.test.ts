import { expect, it } from 'vitest';
import { IndexNotTrustedError } from '../../../src/registry/gc/index.js';
import { logFailure } from '../../../src/registry/maintenance/index.js';

it.each([
  { error: new IndexNotTrustedError('still being compared'), said: 'warn: maintenance cannot be done now' },
  { error: new Error('no room'), said: 'error: maintenance failed' },
])('maintenance that ends with "$error.message" is told as $said', ({ error, said }) => {
  const lines: string[] = [];
  const say = (level: string) => (_fields: object, message: string) => lines.push(`${level}: ${message}`);
  logFailure({ debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') }, error, {});
  expect(lines).toEqual([said]);
});
