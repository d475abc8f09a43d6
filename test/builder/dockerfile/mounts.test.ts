// biome-ignore-all lint/suspicious/noTemplateCurlyInString: they are words of a Dockerfile
import { describe, expect, it } from 'vitest';
import { MountError, parseMount } from '../../../src/builder/dockerfile/index.js';

const owned = { uid: 0, gid: 0 };

describe('parseMount', () => {
  it.each<[text: string, mount: object]>([
    ['target=/a', { type: 'bind', target: '/a', source: '/', readOnly: true }],
    [
      'type=bind,source=x,target=/a,from=b',
      { type: 'bind', target: '/a', source: 'x', from: 'b', readOnly: true },
    ],
    ['TYPE=BIND,SRC=x,DST=/a', { type: 'bind', target: '/a', source: 'x', readOnly: true }],
    ['destination=/a/../b/,rw', { type: 'bind', target: '/b', source: '/', readOnly: false }],
    ['target=/a,rw=false', { type: 'bind', target: '/a', source: '/', readOnly: true }],
    ['target=/a,readwrite=true', { type: 'bind', target: '/a', source: '/', readOnly: false }],
    ['target=/a,readonly=false', { type: 'bind', target: '/a', source: '/', readOnly: false }],
    ['target=/a,rw,ro', { type: 'bind', target: '/a', source: '/', readOnly: true }],
    ['target=a', { type: 'bind', target: '/srv/a', source: '/', readOnly: true }],
    ['target=.', { type: 'bind', target: '/srv', source: '/', readOnly: true }],
    ['source=x', { type: 'bind', target: '/srv', source: 'x', readOnly: true }],
    [
      'target=/a,type=cache',
      { type: 'cache', target: '/a', id: '/a', sharing: 'shared', mode: 0o755, ...owned, readOnly: false },
    ],
    [
      'type=cache,target=a/./b',
      {
        type: 'cache',
        target: '/srv/a/b',
        id: 'a/b',
        sharing: 'shared',
        mode: 0o755,
        ...owned,
        readOnly: false,
      },
    ],
    [
      'type=cache,target=/a,id=i,sharing=LOCKED,mode=0700,uid=1,gid=2,from=f,source=s,ro',
      {
        type: 'cache',
        target: '/a',
        id: 'i',
        sharing: 'locked',
        mode: 0o700,
        uid: 1,
        gid: 2,
        from: 'f',
        source: 's',
        readOnly: true,
      },
    ],
    ['type=tmpfs,target=/a', { type: 'tmpfs', target: '/a' }],
    ['type=tmpfs,target=/a,size=64m', { type: 'tmpfs', target: '/a', size: 64 * 1024 ** 2 }],
    ['type=tmpfs,target=/a,size=1.5GiB', { type: 'tmpfs', target: '/a', size: 1.5 * 1024 ** 3 }],
    ['type=tmpfs,target=/a,size=100', { type: 'tmpfs', target: '/a', size: 100 }],
    [
      'type=secret,id=x',
      { type: 'secret', id: 'x', target: '/run/secrets/x', required: false, mode: 0o400, ...owned },
    ],
    [
      'type=secret,target=/a/b',
      { type: 'secret', id: 'b', target: '/a/b', required: false, mode: 0o400, ...owned },
    ],
    [
      'type=secret,source=x',
      { type: 'secret', id: 'x', target: '/run/secrets/x', required: false, mode: 0o400, ...owned },
    ],
    ['type=secret,id=x,env=X', { type: 'secret', id: 'x', env: 'X', required: false, mode: 0o400, ...owned }],
    [
      'type=secret,id=x,env=X,target=/a',
      { type: 'secret', id: 'x', env: 'X', target: '/a', required: false, mode: 0o400, ...owned },
    ],
    [
      'required,type=secret,id=x,mode=0444,uid=5,gid=6',
      { type: 'secret', id: 'x', target: '/run/secrets/x', required: true, mode: 0o444, uid: 5, gid: 6 },
    ],
    ['type=ssh', { type: 'ssh', id: 'default', required: false, mode: 0o600, ...owned }],
    [
      'type=ssh,id=x,target=/a,required=true',
      { type: 'ssh', id: 'x', target: '/a', required: true, mode: 0o600, ...owned },
    ],
    ['"target=/a,b"', { type: 'bind', target: '/a,b', source: '/', readOnly: true }],
    ['"target=/a""b"', { type: 'bind', target: '/a"b', source: '/', readOnly: true }],
  ])('reads %s', (text, mount) => expect(parseMount(text, { workdir: '/srv' })).toEqual(mount));

  it.each<[text: string, message: RegExp]>([
    ['type=volume,target=/a', /unsupported mount type "volume"/],
    ['type=cach,target=/a', /did you mean cache/],
    ['target=/', /nothing can be mounted at \//],
    ['target=/a/..', /nothing can be mounted at \//],
    ['tarket=/a', /unexpected key "tarket" in --mount \(did you mean target\?\)/],
    ['target', /target needs a value/],
    ['target=/a,required', /required means nothing for a mount of type bind/],
    ['target=/a,size=1', /size means nothing/],
    ['target=/a,mode=1', /mode means nothing/],
    ['type=tmpfs,target=/a,uid=1', /uid means nothing/],
    ['type=tmpfs,target=/a,size=big', /invalid size=big/],
    ['type=cache,target=/a,sharing=all', /invalid sharing=all/],
    ['target=/a,sharing=shared', /sharing means nothing/],
    ['type=cache,target=/a,mode=9', /invalid mode=9/],
    ['type=cache,target=/a,uid=-1', /invalid uid=-1/],
    ['type=cache,target=/a,gid=4294967296', /invalid gid/],
    ['target=/a,ro=perhaps', /invalid readonly=perhaps/],
    ['type=secret', /needs an id or a target/],
    ['type=secret,id=a,source=b', /an id or a source, not both/],
    ['type=secret,id=a,from=b', /has no from=/],
    ['type=cache,target=/a,env=X', /env means nothing/],
    ['target=/a,from=$X', /variables are not expanded in from=/],
    ['"target=/a', /a quote is not closed/],
    ['target="/a"', /a quote inside a field/],
    ['"target=/a"b', /a comma must follow/],
    ['', /unexpected key ""/],
  ])('refuses %s', (text, message) => {
    expect(() => parseMount(text)).toThrow(MountError);
    expect(() => parseMount(text)).toThrow(message);
  });

  it('expands values, and from not', () => {
    const expand = (value: string) => value.replace('$X', 'y');
    expect(parseMount('type=cache,target=/$X,id=$X,from=a$', { expand })).toMatchObject({
      target: '/y',
      id: 'y',
      from: 'a$',
    });
  });
});
