import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { reportFailure, UsageError } from '../../src/cli/failure.js';
import { InterruptedError } from '../../src/cli/interruption.js';
import { ConfigError } from '../../src/registry/config/index.js';
import { reasonOf } from '../../src/registry/system-error.js';

async function report(error: unknown, { debug = false } = {}) {
  const said: string[] = [];
  const code = reportFailure(error, { debug, notes: { write: (text: string) => said.push(text) } });
  return { code, said: said.join('') };
}

const failureOf = (path: string): Promise<unknown> => readFile(path).catch((error: unknown) => error);

describe('reportFailure', () => {
  it.each([
    { error: new Error('no'), code: 1, said: 'berth: no\n' },
    { error: new UsageError('not so'), code: 2, said: 'berth: not so\n' },
    {
      error: new ConfigError([{ key: 'http.addr', message: 'no address', origin: { from: 'default' } }]),
      code: 78,
      said: expect.stringContaining('http.addr'),
    },
    {
      error: new Error('cannot', { cause: new AggregateError([0, new InterruptedError('SIGTERM')]) }),
      code: 143,
      said: 'berth: interrupted\n',
    },
    { error: 'text', code: 1, said: 'berth: text\n' },
  ])('says $said', async ({ error, code, said }) => expect(await report(error)).toEqual({ code, said }));

  it('has no control characters in what it says, whoever wrote it', async () =>
    expect((await report(new Error('no \x1b]0;title\x07 in\r\u009b1m it\n\tnext'))).said).toBe(
      'berth: no ?]0;title? in??1m it\n\tnext\n',
    ));

  it('says in words what the system says in codes', async () => {
    expect(await report(await failureOf('/nowhere/file'))).toEqual({
      code: 1,
      said: 'berth: cannot use /nowhere/file: there is no such file\n',
    });
    expect(reasonOf(await failureOf('/'))).toBe('it is a directory');
    expect(reasonOf(await failureOf('/dev/null/file'))).toBe('not a directory');
  });

  it('shows causes only when asked', async () => {
    const error = new Error('outer', { cause: new Error('inner') });
    expect((await report(error)).said).toBe('berth: outer\n');
    expect((await report(error, { debug: true })).said).toMatch(/outer\n +at (?:.|\n)*inner\n +at /);
  });
});
