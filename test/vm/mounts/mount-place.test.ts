import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, test } from 'vitest';
import { mountTag, MOUNT_TAG } from '../../../src/vm/mounts/mount-tag.js';
import { sourceProblem, targetInGuest } from '../../../src/vm/mounts/mount-place.js';

describe('the source of a mount', () => {
  test('is a folder that can be read', async () => {
    const home = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
    try {
      const [folder, file] = [join(home, 'a, b'), join(home, 'file')];
      await mkdir(folder);
      await writeFile(file, '');
      expect(sourceProblem(folder)).toBe(null);
      expect(sourceProblem(file)).toBe(`Source path "${file}" is not a directory`);
      expect(sourceProblem(`${file}/x`)).toBe(`Source path "${file}/x" does not exist`);
      expect(sourceProblem(`${home}/x`)).toBe(`Source path "${home}/x" does not exist`);
      await chmod(folder, 0);
      const isRoot = process.geteuid?.() === 0;
      const unreadable = `Source path "${folder}" is not readable`;
      expect(sourceProblem(folder)).toBe(isRoot ? null : unreadable);
    } finally {
      await rm(home, { recursive: true });
    }
  });
});

describe('the target of a mount', () => {
  it.each([
    ['/data/src', undefined, '/home/ubuntu/src'],
    ['/data/src', '', '/home/ubuntu/src'],
    ['/data/src', 'code', '/home/ubuntu/code'],
    ['/data/src', './a//b/../c', '/home/ubuntu/a/c'],
    ['/data/src', '../bob', '/home/bob'],
    ['/data/src', '/mnt/x/', '/mnt/x'],
    ['/data/src', '-x', '/home/ubuntu/-x'],
    ['/data/src', '/devices', '/devices'],
    ['/data/src', '~/code', '/home/ubuntu/code'],
    ['/data/src', '~//a/../b/', '/home/ubuntu/b'],
    ['/data/src', './~bob', '/home/ubuntu/~bob'],
    ['/data/src', 'a/~/b', '/home/ubuntu/a/~/b'],
    ['/data/~src', '', '/home/ubuntu/~src'],
    ['/data/~', undefined, '/home/ubuntu/~'],
  ])('of %s as %s is %s', (source, target, expected) => {
    expect(targetInGuest(source, target, 'ubuntu')).toBe(expected);
  });

  it.each([
    '/',
    '//',
    '/dev',
    '/dev/x',
    '/proc',
    '/sys/fs',
    '/home',
    '/home/ubuntu',
    '.',
    '..',
    'a\nb',
    '~',
    '~/',
    '~/..',
    '~bob',
    '~bob/x',
  ])('is not %j, without which the guest would be none', (target) => {
    expect(() => targetInGuest('/data/src', target, 'ubuntu')).toThrow('unable to mount to "');
  });

  it('is not the root for the root of the host either', () => {
    expect(() => targetInGuest('/', undefined, 'ubuntu')).toThrow(
      'unable to mount to "/home/ubuntu"',
    );
  });
});

describe('the tag of a mount', () => {
  it('is a word that 9p takes, and always the same of the same target', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (target) => {
        expect(mountTag(target)).toMatch(MOUNT_TAG);
        expect(mountTag(target)).toBe(mountTag(target));
      }),
    );
    expect(mountTag('/a')).not.toBe(mountTag('/b'));
  });
});
