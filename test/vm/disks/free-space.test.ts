import { mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { MultipassError } from '../../../src/errors.js';
import { requireSpace } from '../../../src/vm/disks/free-space.js';

const TIB = 1024 ** 4;

let dir: string;
beforeEach(async () => (dir = await mkdtemp(join(tmpdir(), 'free-space-'))));
afterEach(() => rm(dir, { recursive: true }));

describe('requireSpace', () => {
  it('lets pass what fits beside a file that is not there yet', async () => {
    await expect(requireSpace(join(dir, 'target'), 4096)).resolves.toBeUndefined();
  });

  it('refuses what does not fit, with what is needed and what is free', async () => {
    const needed = 4096 * TIB;
    const refused = requireSpace(join(dir, 'target'), needed);
    const error = await refused.catch((reason: unknown) => reason as MultipassError);
    expect(error).toMatchObject({ code: 'DISK_FULL', details: { path: dir, needed } });
    const { message, hint, details } = error as MultipassError;
    expect(message).toMatch(/needed, \d+\.\d[GM]iB free\b/);
    expect(message).toContain(`not enough space in "${dir}": 4194304.0GiB needed`);
    expect(hint).toContain('multipass purge');
    const { bavail, bsize } = await statfs(dir);
    const free = bavail * bsize;
    expect(Math.abs((details['free'] as number) - free)).toBeLessThan(free / 2);
  });

  it('keeps a few MiB for the records', async () => {
    const { bavail, bsize } = await statfs(dir);
    // Others write and remove at the same time, but not all there is to one MiB.
    const all = bavail * bsize;
    await expect(requireSpace(join(dir, 'target'), all)).rejects.toMatchObject({
      code: 'DISK_FULL',
    });
  });
});
