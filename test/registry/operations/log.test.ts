import { describe, expect, it } from 'vitest';
import { createLogger, describeError, type ServerLogger } from '../../../src/registry/operations/index.js';
import { Lines } from './requests.js';

type LogConfig = Parameters<typeof createLogger>[0];

function logTo(config: Partial<LogConfig> = {}): { log: ServerLogger; lines: Lines } {
  const lines = new Lines();
  return { log: createLogger({ level: 'info', formatter: 'text', fields: {}, ...config }, lines), lines };
}

/** A line without its time. */
function timeless(line: string): string {
  return line.replace(/^time="\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z" /, '');
}

describe('createLogger, text', () => {
  it('writes the reference registry’s form, quoting where needed', () => {
    const { log, lines } = logTo();
    log.info(
      { repository: 'team/app', bytes: 12, agent: 'docker 29', empty: '', on: true },
      'blob committed',
    );
    expect(timeless(lines.last)).toBe(
      'level=info msg="blob committed" repository=team/app bytes=12 agent="docker 29" empty="" on=true\n',
    );
  });
  it('calls warnings as the reference does', () => {
    const { log, lines } = logTo();
    log.warn({}, 'low');
    expect(timeless(lines.last)).toBe('level=warning msg=low\n');
  });
  it.each([
    { input: 'a\nlevel=error msg=forged', output: '"a\\nlevel=error msg=forged"' },
    { input: '\u001b[31mred', output: '"\\u001b[31mred"' },
    { input: 'c1 \u009b31m', output: '"c1 \\u009b31m"' },
    { input: 'bidi \u202e', output: '"bidi \\u202e"' },
    { input: 'line \u2028', output: '"line \\u2028"' },
    { input: 'say "x"', output: '"say \\"x\\""' },
    { input: 'grüße', output: '"grüße"' },
  ])('keeps $output on one line', ({ input, output }) => {
    const { log, lines } = logTo();
    log.info({ input, [`k\n${input}`]: 1 }, input);
    expect(timeless(lines.last)).toContain(`level=info msg=${output} input=${output} k_`);
    expect(lines.last.indexOf('\n')).toBe(lines.last.length - 1);
    expect(lines.lines).toHaveLength(1);
  });
  it('writes structures as JSON in quotes', () => {
    const { log, lines } = logTo();
    log.info({ counts: { a: [1, 2] } }, 'x');
    expect(timeless(lines.last)).toBe('level=info msg=x counts="{\\"a\\":[1,2]}"\n');
  });
  it('adds the configured fields and those of the child', () => {
    const { log, lines } = logTo({ fields: { service: 'registry', level: 'mine' } });
    log.child({ request: 'r1' }).child({ password: 'x' }).info({ a: 1 }, 'x');
    expect(timeless(lines.last)).toBe(
      'level=info msg=x service=registry fields.level=mine request=r1 password="[hidden]" a=1\n',
    );
  });
});

describe('createLogger, levels', () => {
  it.each([
    { level: 'error', messages: ['e'] },
    { level: 'warn', messages: ['w', 'e'] },
    { level: 'info', messages: ['i', 'w', 'e'] },
    { level: 'debug', messages: ['d', 'i', 'w', 'e'] },
  ] as const)('$level', ({ level, messages }) => {
    const { log, lines } = logTo({ level, formatter: 'json' });
    log.debug({}, 'd');
    log.info({}, 'i');
    log.warn({}, 'w');
    log.child({}).error({}, 'e');
    expect(lines.lines.map((line) => JSON.parse(line).msg)).toEqual(messages);
  });
});

describe('createLogger, json and logstash', () => {
  it('writes one object for each line', () => {
    const { log, lines } = logTo({ formatter: 'json', fields: { service: 'registry' } });
    log.warn({ a: 1, msg: 'mine' }, 'x\ny\u009b');
    expect(lines.last).not.toMatch(/\u009b/);
    expect(JSON.parse(lines.last)).toEqual({
      level: 'warning',
      time: expect.stringMatching(/^\d{4}-.*Z$/),
      service: 'registry',
      a: 1,
      'fields.msg': 'mine',
      msg: 'x\ny\u009b',
    });
  });
  it('knows the names of logstash', () => {
    const { log, lines } = logTo({ formatter: 'logstash' });
    log.info({ a: 1 }, 'x');
    expect(JSON.parse(lines.last)).toEqual({
      '@timestamp': expect.stringMatching(/^\d{4}-.*Z$/),
      '@version': '1',
      level: 'info',
      message: 'x',
      a: 1,
    });
  });
});

describe('createLogger, secrets', () => {
  it.each([
    'authorization',
    'Authorization',
    'password',
    'token',
    'refresh_token',
    'Proxy-Authorization',
    'clientSecret',
    'set-cookie',
  ])('hides %s at any depth', (name) => {
    const { log, lines } = logTo({ formatter: 'json' });
    log.info({ [name]: 'swordfish', deep: { list: [{ [name]: 'swordfish' }] } }, 'x');
    expect(lines.last).not.toContain('swordfish');
    expect(JSON.parse(lines.last)[name]).toBe('[hidden]');
  });
  it('shows what only sounds like one', () => {
    const { log, lines } = logTo();
    log.info({ tokens: 3, passwordcache: '5m' }, 'x');
    expect(timeless(lines.last)).toBe('level=info msg=x tokens=3 passwordcache=5m\n');
  });
});

describe('createLogger, errors', () => {
  const error = new Error('cannot store the blob', { cause: new Error('ENOSPC: no space left') });

  it('tells the message and its causes', () => {
    const { log, lines } = logTo();
    log.error({ error }, 'request failed');
    expect(timeless(lines.last)).toBe(
      'level=error msg="request failed" error="cannot store the blob: ENOSPC: no space left"\n',
    );
  });
  it('adds the stacks when debugging, still on one line', () => {
    const { log, lines } = logTo({ level: 'debug' });
    log.error({ error }, 'request failed');
    expect(lines.last).toMatch(
      / error\.stack="Error: cannot store.*log\.test\.ts.*caused by Error: ENOSPC.*"\n$/,
    );
    expect(lines.last.indexOf('\n')).toBe(lines.last.length - 1);
  });
  it('survives loops, depth, length and odd values', () => {
    const { log, lines } = logTo({ formatter: 'json' });
    const loop: Record<string, unknown> = {};
    loop.loop = loop;
    log.info(
      {
        loop,
        long: 'x'.repeat(100_000),
        big: 1n,
        nan: Number.NaN,
        at: new Date(0),
        bytes: new Uint8Array(3),
      },
      'x',
    );
    expect(lines.last.length).toBeLessThan(10_000);
    expect(JSON.parse(lines.last)).toMatchObject({
      big: '1',
      nan: 'NaN',
      at: '1970-01-01T00:00:00.000Z',
      bytes: '3 bytes',
    });
  });
});

describe('describeError', () => {
  const cause = new Error('refused');
  it.each([
    { error: new Error('a', { cause }), text: 'a: refused' },
    { error: new Error('a: refused', { cause }), text: 'a: refused' },
    { error: new AggregateError([cause, new Error('late')]), text: 'refused; late' },
    { error: 'text', text: 'text' },
    { error: undefined, text: 'undefined' },
  ])('$text', ({ error, text }) => expect(describeError(error)).toBe(text));
  it('ends where causes go in a circle', () => {
    const error = new Error('round');
    error.cause = error;
    expect(describeError(error)).toBe('round');
  });
});
