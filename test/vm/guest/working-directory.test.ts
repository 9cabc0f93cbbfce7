import { describe, expect, it } from 'vitest';
import { mapWorkingDirectory } from '../../../src/vm/guest/working-directory.js';
import type { Mount } from '../../../src/vm/records/mount.js';

function mount(source: string, target: string): Mount {
  return { source, target, type: 'classic', uidMappings: [], gidMappings: [] };
}

describe('mapWorkingDirectory', () => {
  it.for([
    ['/home/me/project', '/work'],
    ['/home/me/project/src/a b', '/work/src/a b'],
    ['/home/me/project/..x', '/work/..x'],
    ['/home/me/project2', null],
    ['/home/me', null],
    ['/', null],
  ] as const)('finds "%s" at %s', ([folder, there]) => {
    expect(mapWorkingDirectory(folder, [mount('/home/me/project', '/work')])).toBe(there);
  });

  it('takes the innermost of several mounts, in any order', () => {
    const [outer, inner] = [mount('/home/me', '/home/ubuntu/me'), mount('/home/me/p', '/p')];
    for (const mounts of [
      [outer, inner],
      [inner, outer],
    ]) {
      expect(mapWorkingDirectory('/home/me/p/src', mounts)).toBe('/p/src');
      expect(mapWorkingDirectory('/home/me/q', mounts)).toBe('/home/ubuntu/me/q');
    }
  });

  it('is nowhere without a mount, and anywhere below a mount of everything', () => {
    expect(mapWorkingDirectory('/home/me', [])).toBeNull();
    expect(mapWorkingDirectory('/home/me', [mount('/', '/host')])).toBe('/host/home/me');
  });
});
