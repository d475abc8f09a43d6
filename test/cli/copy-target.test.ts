import { describe, expect, it } from 'vitest';
import { copiedName, copyTarget, splitCopyArgument } from '../../src/cli/copy-target.js';

const file = { isDirectory: false, name: 'f' };
const directory = { isDirectory: true, name: 'd' };
const content = { isDirectory: true, name: '' };

describe('copyTarget', () => {
  it.each([
    { source: file, path: '/to', kind: 'directory', directory: '/to', name: 'f' },
    { source: file, path: '/to/g', kind: 'file', directory: '/to', name: 'g' },
    { source: file, path: '/g', kind: 'absent', directory: '/', name: 'g' },
    { source: directory, path: '/to/', kind: 'directory', directory: '/to/', name: 'd' },
    { source: directory, path: '/to/new', kind: 'absent', directory: '/to', name: 'new' },
    { source: directory, path: '/to/new/', kind: 'absent', directory: '/to', name: 'new' },
    { source: content, path: '/to', kind: 'directory', directory: '/to', name: '' },
    { source: content, path: '/to/new/.', kind: 'absent', directory: '/to', name: 'new' },
  ] as const)('puts $source on the $kind $path', ({ source, path, kind, ...target }) =>
    expect(copyTarget(source, { path, kind })).toEqual(target),
  );
  it.each([
    { source: directory, path: '/f', kind: 'file', message: 'cannot copy directory' },
    { source: file, path: '/new/', kind: 'absent', message: 'no such directory' },
    { source: file, path: '/new/.', kind: 'absent', message: 'no such directory' },
  ] as const)('refuses $source on the $kind $path', ({ source, path, kind, message }) =>
    expect(() => copyTarget(source, { path, kind })).toThrow(message),
  );
});

describe('copiedName', () => {
  it.each([
    ['/', ''],
    ['/a/b', 'b'],
    ['/a/b/', 'b'],
    ['/a/.', ''],
    ['.', ''],
    ['a/..', ''],
  ])('of %j is %j', (path, name) => expect(copiedName(path)).toBe(name));
});

describe('splitCopyArgument', () => {
  it.each([
    ['web:/etc', { container: 'web', path: '/etc' }],
    ['web:', { container: 'web', path: '' }],
    ['./a:b', { path: './a:b' }],
    ['/a:b', { path: '/a:b' }],
    ['plain', { path: 'plain' }],
    ['-', { path: '-' }],
  ])('reads %j', (text, argument) => expect(splitCopyArgument(text)).toEqual(argument));
});
