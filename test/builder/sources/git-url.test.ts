import { describe, expect, it } from 'vitest';
import { FetchError, findGitUrl } from '../../../src/builder/sources/index.js';

const all = { shorthand: true, file: true };

describe('findGitUrl', () => {
  it.each<[text: string, expected: object]>([
    ['https://host/a/b.git', { remote: 'https://host/a/b.git', host: 'host', submodules: true }],
    ['https://host:8443/b.git#main', { remote: 'https://host:8443/b.git', host: 'host:8443', ref: 'main' }],
    ['https://host/b.git#main:dir/sub', { ref: 'main', subdirectory: 'dir/sub' }],
    ['https://host/b.git#:dir', { subdirectory: 'dir' }],
    ['https://host/b.git#v1:/a/./b/', { ref: 'v1', subdirectory: 'a/b' }],
    ['https://host/b.git#', { remote: 'https://host/b.git' }],
    ['https://host/b.git?ref=v1&subdir=a', { remote: 'https://host/b.git', ref: 'v1', subdirectory: 'a' }],
    ['https://host/b.git?branch=x', { ref: 'refs/heads/x' }],
    ['https://host/b.git?tag=refs/tags/x', { ref: 'refs/tags/x' }],
    ['https://host/b.git?commit=abcdef1', { checksum: 'abcdef1' }],
    [
      'https://host/b.git?checksum=abcdef1&keep-git-dir=true&submodules=0',
      { checksum: 'abcdef1', keepGitDirectory: true, submodules: false },
    ],
    ['https://host/b.git?keep-git-dir', { keepGitDirectory: true }],
    ['http://host/b.git', { remote: 'http://host/b.git' }],
    ['git://host/b', { remote: 'git://host/b', host: 'host' }],
    ['ssh://git@host:22/b.git', { remote: 'ssh://git@host:22/b.git', host: 'host:22' }],
    ['git@github.com:user/b.git#x', { remote: 'git@github.com:user/b.git', host: 'github.com', ref: 'x' }],
    ['git@host:/abs/path', { remote: 'git@host:/abs/path', host: 'host' }],
    ['github.com/user/b', { remote: 'https://github.com/user/b', host: 'github.com' }],
    ['github.com/user/b.git#x', { remote: 'https://github.com/user/b.git', ref: 'x' }],
    ['file:///srv/b.git', { remote: 'file:///srv/b.git', host: '' }],
  ])('reads %s', (text, expected) => expect(findGitUrl(text, all)).toMatchObject(expected));

  it.each([
    'https://host/a.tar.gz',
    'https://host/x',
    'a/b.git',
    './github.com/x',
    '/srv/b.git',
    '.',
    '-',
    'a@b',
    'ftp://h/x.git',
    'https://host/a#b.git',
  ])('leaves %s to others', (text) => expect(findGitUrl(text, all)).toBeUndefined());

  it('takes neither shorthands nor files unless told so', () =>
    expect([findGitUrl('github.com/a/b'), findGitUrl('file:///srv/b.git')]).toEqual([undefined, undefined]));

  it.each<[text: string, message: RegExp]>([
    ['https://host/b.git#--upload-pack=x', /not a ref of git/],
    ['https://host/b.git#a b', /not a ref of git/],
    ['https://host/b.git#a..b', /not a ref of git/],
    ['https://host/b.git#x:../y', /leads out of/],
    ['https://host/b.git?color=red', /unknown parameter "color"/],
    ['https://host/b.git?submodules=perhaps', /true or false/],
    ['https://host/b.git?checksum=xyz', /not the beginning of a commit/],
    ['https://me:secret@host/b.git?color=red', /in https:\/\/host/],
  ])('refuses %s', (text, message) => {
    expect(() => findGitUrl(text, all)).toThrow(FetchError);
    expect(() => findGitUrl(text, all)).toThrow(message);
  });
});
