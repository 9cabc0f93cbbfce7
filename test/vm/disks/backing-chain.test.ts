import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { InstanceDir } from '../../../src/store/instance-dir.js';
import { backingChain } from '../../../src/vm/disks/backing-chain.js';

let dir: InstanceDir;
beforeEach(async () => {
  dir = new InstanceDir(await mkdtemp(join(tmpdir(), 'backing-chain-')));
});
afterEach(() => rm(dir.path, { recursive: true }));

/** Makes images, each on the one before; the last one is the head. */
async function stack(...names: string[]): Promise<void> {
  let backing: string[] = [];
  for (const name of names) {
    const args = ['create', '-q', '-u', '-f', 'qcow2', ...backing, name, '1M'];
    await run('qemu-img', args, { cwd: dir.path });
    backing = ['-F', 'qcow2', '-b', name];
  }
}

const chain = (): string[] => backingChain(dir, readQcow2(dir.disk));

describe('backingChain', () => {
  it('is empty for a disk that stands alone', async () => {
    await stack('disk.qcow2');
    expect(chain()).toEqual([]);
  });

  it('names the bases, nearest first', async () => {
    await stack('base-one.qcow2', 'base-2.qcow2', 'base-A_c.qcow2', 'disk.qcow2');
    expect(chain()).toEqual(['base-A_c.qcow2', 'base-2.qcow2', 'base-one.qcow2']);
  });

  it('refuses a base of a base by its own rules', async () => {
    await stack('image.qcow2', 'base-1.qcow2', 'disk.qcow2');
    expect(chain).toThrow('stands on "image.qcow2", which is no base file of its folder');
  });

  it.each(['base-1.qcow2.old', 'base-1.qcow2\n', 'old-base-1.qcow2'])(
    'refuses a base with another name, though it ends or begins like one: %j',
    async (name) => {
      await stack(name, 'disk.qcow2');
      expect(chain).toThrow('which is no base file of its folder');
    },
  );

  it('refuses bases that come round in a circle', async () => {
    await stack('base-1.qcow2', 'base-2.qcow2', 'disk.qcow2');
    const round = ['-F', 'qcow2', '-b', 'base-2.qcow2', 'base-1.qcow2'];
    await run('qemu-img', ['rebase', '-q', '-u', '-f', 'qcow2', ...round], { cwd: dir.path });
    expect(chain).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
    // The first that comes again, at once.
    expect(chain).toThrow('stands on "base-2.qcow2"');
  });

  it('refuses a base that is a link, and one that is no image', async () => {
    await stack('base-1.qcow2', 'disk.qcow2');
    await rm(dir.file('base-1.qcow2'));
    await symlink('/etc/passwd', dir.file('base-1.qcow2'));
    expect(chain).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
    await rm(dir.file('base-1.qcow2'));
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', dir.file('good.qcow2'), '1M']);
    await symlink('good.qcow2', dir.file('base-1.qcow2'));
    expect(chain).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
    await rm(dir.file('base-1.qcow2'));
    await run('cp', ['/etc/passwd', dir.file('base-1.qcow2')]);
    expect(chain).toThrow(expect.objectContaining({ code: 'DISK_INVALID' }));
  });
});
