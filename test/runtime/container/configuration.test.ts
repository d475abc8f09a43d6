import { describe, expect, it } from 'vitest';
import { commandLine, withImage } from '../../../src/runtime/container/configuration.js';

const IMAGE = {
  Entrypoint: ['/entry'],
  Cmd: ['serve'],
  Env: ['A=1', 'B=2'],
  Labels: { team: 'blue' },
  User: 'app',
};

describe('withImage', () => {
  it.each([
    { says: {}, runs: ['/entry', 'serve'], why: 'the image says it all' },
    { says: { Cmd: ['check'] }, runs: ['/entry', 'check'], why: 'a command of its own' },
    { says: { Entrypoint: ['/mine'] }, runs: ['/mine'], why: "an entrypoint takes the image's command away" },
    {
      says: { Entrypoint: [''], Cmd: ['x'] },
      runs: ['x'],
      why: 'an empty entrypoint takes that of the image away',
    },
    { says: { Entrypoint: '/one', Cmd: 'word' }, runs: ['/one', 'word'], why: 'single words' },
  ])('runs $runs: $why', ({ says, runs }) => {
    expect(commandLine(withImage(says, IMAGE))).toEqual(runs);
  });
  it('adds variables and labels, and replaces the user', () => {
    const { Env, Labels, User } = withImage({ Env: ['B=3'], Labels: { a: 'b' }, User: 'root' }, IMAGE);
    expect({ Env, Labels, User }).toEqual({
      Env: ['B=3', 'A=1'],
      Labels: { team: 'blue', a: 'b' },
      User: 'root',
    });
  });
  it('keeps settings of a health check that nobody replaced', () => {
    const image = { Healthcheck: { Test: ['CMD', 'ok'], Interval: 5, Retries: 2 } };
    expect(withImage({ Healthcheck: { Interval: 7, Retries: 0 } }, image).Healthcheck).toEqual({
      Test: ['CMD', 'ok'],
      Interval: 7,
      Retries: 2,
    });
  });
});
