import { describe, expect, it } from 'vitest';
import { eventOf, signatureOf, wants } from '../../../src/registry/events/index.js';
import { blobPush, push, SOURCE } from './deeds.js';

const at = new Date('2026-11-28T15:00:00Z');
const options = { source: SOURCE, references: true, at };

describe('an event', () => {
  it('of what no client asked for says so by empty members', () =>
    expect(JSON.parse(eventOf(push('team/app:v1'), undefined, options).body)).toMatchObject({
      timestamp: '2026-11-28T15:00:00.000Z',
      request: { method: '', useragent: '' },
      actor: {},
      source: SOURCE,
    }));

  it('names the address that the client knows the registry by, and who it is', () => {
    const request = {
      ...{ id: 'r', address: '192.0.2.1:1', host: 'h', method: 'PUT', userAgent: undefined, user: 'alice' },
      baseUrl: 'https://reg.example/prefix',
    };
    const { target, actor } = JSON.parse(eventOf(blobPush('app'), request, options).body);
    expect(target.url).toBe(`https://reg.example/prefix/v2/app/blobs/${target.digest}`);
    expect(actor).toEqual({ name: 'alice' });
  });
});

describe('an endpoint', () => {
  const any = { mediaTypes: new Set<string>(), actions: new Set<string>() };
  const event = { action: 'push', mediaType: 'a/b', repository: 'team/app', tag: 'v1' } as const;
  it.each([
    { what: 'everything', wanted: {}, ignored: any, is: true },
    { what: 'what is not ignored', wanted: {}, ignored: { ...any, mediaTypes: new Set(['a/b']) }, is: false },
    {
      what: 'actions that are not ignored',
      wanted: {},
      ignored: { ...any, actions: new Set(['push']) },
      is: false,
    },
    { what: 'some actions', wanted: { actions: new Set(['push']) }, ignored: any, is: true },
    { what: 'other actions', wanted: { actions: new Set(['pull']) }, ignored: any, is: false },
    {
      what: 'some repositories',
      wanted: { repository: (name: string) => name === 'team/app' },
      ignored: any,
      is: true,
    },
    { what: 'other repositories', wanted: { repository: () => false }, ignored: any, is: false },
    { what: 'some tags', wanted: { tag: (name: string) => name === 'v1' }, ignored: any, is: true },
    { what: 'other tags', wanted: { tag: () => false }, ignored: any, is: false },
  ])('may want $what', ({ is, ...endpoint }) => expect(wants(endpoint, event)).toBe(is));

  it('that wants some tags wants nothing without one', () =>
    expect(wants({ ignored: any, wanted: { tag: () => true } }, { ...event, tag: undefined })).toBe(false));

  it('ignores no media type of what was deleted, which has none', () => {
    const ignored = { ...any, mediaTypes: new Set(['a/b']) };
    expect(wants({ ignored, wanted: {} }, { ...event, action: 'delete', mediaType: undefined })).toBe(true);
  });
});

it("the signature is that of GitHub's webhooks", () =>
  // https://docs.github.com/en/webhooks, "Testing the webhook payload validation"
  expect(signatureOf('Hello, World!', "It's a Secret to Everybody")).toBe(
    'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
  ));
