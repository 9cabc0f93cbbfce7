import { mkdir, mkdtemp, realpath, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { leadsOutside } from '../../../src/vm/transfer/leads-outside.js';

describe('a link of a tree', () => {
  it.each([
    ['plain', 0, false],
    ['./a/b', 0, false],
    ['../a', 1, false],
    ['../../a', 1, true],
    ['..', 0, true],
    ['a/..', 0, true],
    ['a/../../b', 5, true],
    ['/etc/passwd', 9, true],
    ['', 0, true],
    ['..a', 0, false],
  ])('to "%s", %i folders deep, leads out: %s', (target, depth, isOutside) => {
    expect(leadsOutside(Buffer.from(target), depth)).toBe(isOutside);
  });

  it('leads nowhere else by way of others that are let in', async () => {
    const step = fc.constantFrom('..', '.', 'l0', 'l1', 'l2', 'd');
    const target = fc.array(step, { minLength: 1, maxLength: 5 }).map((steps) => steps.join('/'));
    const links = fc.array(fc.record({ target, depth: fc.constantFrom(0, 1, 2) }), {
      minLength: 3,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(links, async (all) => {
        const home = await realpath(await mkdtemp(join(tmpdir(), 'multipass-ts-')));
        try {
          const root = join(home, 'a', 'b', 'root');
          await mkdir(join(root, 'd', 'd'), { recursive: true });
          const folders = [root, join(root, 'd'), join(root, 'd', 'd')];
          const made = all.flatMap(({ target: to, depth }, at) =>
            leadsOutside(Buffer.from(to), depth)
              ? []
              : [{ to, path: join(folders[depth] ?? root, `l${at}`) }],
          );
          for (const { to, path } of made) await symlink(to, path);
          for (const { path } of made) {
            const end = await realpath(path).catch(() => root);
            expect(`${end}/`.startsWith(`${root}/`)).toBe(true);
          }
        } finally {
          await rm(home, { recursive: true });
        }
      }),
      { numRuns: 150 },
    );
  });
});
