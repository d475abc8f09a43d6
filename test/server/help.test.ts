import { describe, expect, it } from 'vitest';
import { BERTH } from '../support/berth-process.js';
import { run } from '../support/run.js';

/** Runs a line of the shell, where `berth` is the program. */
const shell = (line: string) => run(['bash', '-c', `set -o pipefail; berth() { ${BERTH} "$@"; }; ${line}`]);

describe('berth --help', () => {
  it('goes through a pipe whole', async () =>
    expect(await shell('berth --help | cat')).toMatch(/^Usage: berth (?:.|\n)*Examples:\n {2}berth serve/));
  it('ends as by SIGPIPE, without a word, where the reader has seen enough', async () =>
    expect(shell('exec 3> >(true); wait $!; berth --help >&3')).rejects.toMatchObject({
      code: 141,
      stderr: '',
    }));
  it('fails where it cannot be written', async () =>
    expect(shell('berth --help > /dev/full')).rejects.toMatchObject({
      code: 1,
      stderr: 'berth: no space left on device\n',
    }));
  it('says what is wrong with the arguments', async () =>
    expect(shell('berth build --tagg x .')).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining("unknown option '--tagg'"),
    }));
  it('fails as usual where nobody can be told', async () =>
    expect(shell('berth build --tagg x . 2> /dev/full')).rejects.toMatchObject({ code: 2 }));
});
