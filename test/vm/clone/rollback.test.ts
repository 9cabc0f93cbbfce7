import { spawnSync } from 'node:child_process';
import { appendFileSync, linkSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir, open, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import type { VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { makeInstance, test } from '../../support/store-fixture.js';
import { fingerprint } from '../../support/fingerprint.js';
import { errorOf, expectRefusal } from '../../support/refusal.js';
import { replaceProgram } from '../../support/replace-program.js';
import { livingIn } from '../../support/pretend-to-run.js';

function clone(store: VirtualMachineStore): Promise<unknown> {
  return cloneInstance({ layout: store.layout, source: 'web', name: 'copy' });
}

/** Clones, and does something when the copy is made but not published. */
function cloneWhile(store: VirtualMachineStore, meanwhile: () => void): Promise<unknown> {
  return cloneInstance({
    layout: store.layout,
    source: 'web',
    name: 'copy',
    work: {
      onProgress: ({ phase }) => {
        if (phase === 'publishing') meanwhile();
      },
    },
  });
}

/** Makes an entry of the first level of the disk's tables lead nowhere: it opens, but cannot be read. */
async function damage(disk: string): Promise<void> {
  const file = await open(disk, 'r+');
  const header = Buffer.alloc(72);
  await file.read(header, 0, 72, 0);
  const offset = Number(header.readBigUInt64BE(40));
  await file.write(Buffer.from('80000000deadbe01', 'hex'), 0, 8, offset);
  await file.close();
}

describe('a clone in which a program fails', () => {
  test('leaves nothing when there is no cp', async ({ store, root }) => {
    await makeInstance(store.layout, 'web');
    await mkdir(`${root}-programs`);
    const { stdout } = await run('which', ['flock']);
    await symlink(stdout.trim(), join(`${root}-programs`, 'flock'));
    vi.stubEnv('PATH', `${root}-programs`);
    const error = await expectRefusal(store, () => clone(store), 'TOOL_MISSING');
    expect(error.details).toEqual({ program: 'cp' });
  });

  test('leaves nothing when cp fails in the middle', async ({ store, root }) => {
    await makeInstance(store.layout, 'web');
    const script = 'head -c 1000 /dev/zero >"$LAST"; echo cp: EIO >&2; exit 1';
    await replaceProgram(`${root}-programs`, 'cp', script);
    const error = await expectRefusal(store, () => clone(store), 'TOOL_FAILED');
    expect(error.message).toBe('cp failed (exit code 1): cp: EIO');
  });

  test('leaves nothing when cp is killed', async ({ store, root }) => {
    await makeInstance(store.layout, 'web');
    await replaceProgram(`${root}-programs`, 'cp', 'kill -9 $$');
    const error = await expectRefusal(store, () => clone(store), 'TOOL_FAILED');
    expect(error.message).toBe('cp failed (SIGKILL)');
  });

  test('leaves nothing when a later file cannot be copied', async ({ store, root }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true });
    await mkdir(dir.file('notes'));
    await writeFile(dir.file('notes/last'), 'text');
    const script = 'case "$*" in *notes/last*) exit 1;; esac; exec "$REAL" "$@"';
    await replaceProgram(`${root}-programs`, 'cp', script);
    await expectRefusal(store, () => clone(store), 'TOOL_FAILED');
  });

  test('leaves nothing when qemu-img cannot read the disk', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { tags: 1 });
    await damage(dir.disk);
    await expectRefusal(store, () => clone(store), 'TOOL_FAILED');
  });

  test('leaves nothing when flock fails', async ({ store, root }) => {
    await makeInstance(store.layout, 'web');
    await replaceProgram(`${root}-programs`, 'flock', 'exit 66');
    await expectRefusal(store, () => clone(store), 'TOOL_FAILED');
  });
});

describe('a clone for which the store is not as it should be', () => {
  test('leaves nothing when staging is no folder', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await rm(store.layout.staging, { recursive: true });
    await writeFile(store.layout.staging, 'no folder');
    await expectRefusal(store, () => clone(store), 'IO_ERROR');
  });

  test('leaves nothing when the table of MAC addresses is no folder', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    await rm(store.layout.macs, { recursive: true });
    await writeFile(store.layout.macs, 'no folder');
    await expectRefusal(store, () => clone(store), 'RECORD_INVALID');
  });

  test('gives its MAC address back, and that of nobody else', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    let rows: string[] = [];
    const cloning = (): Promise<unknown> =>
      cloneInstance({
        layout,
        source: 'web',
        name: 'copy',
        work: {
          onProgress: ({ phase }) => {
            if (phase === 'copying') rows = readdirSync(layout.macs);
            else throw new Error('intentional');
          },
        },
      });
    const before = await readdir(layout.macs);
    await expect(cloning()).rejects.toThrow('intentional');
    expect(rows).toHaveLength(2);
    expect(rows).toEqual(expect.arrayContaining(before));
    expect(await readdir(layout.macs)).toEqual(before);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.instances)).toEqual(['web']);
  });
});

describe('a clone whose source changes while it is copied', () => {
  const changes: Record<string, (dir: InstanceDir) => void> = {
    'the disk is written to': (dir) => appendFileSync(dir.disk, 'x'),
    'the disk is written to and gets its times back': ({ disk }) => {
      // touch(1), for Node's own utimes cuts off the nanoseconds.
      spawnSync('touch', ['-r', disk, `${disk}.times`]);
      writeFileSync(disk, 'QFI', { flag: 'r+' });
      spawnSync('touch', ['-r', `${disk}.times`, disk]);
      rmSync(`${disk}.times`);
    },
    'the disk is removed': (dir) => rmSync(dir.disk),
    'the spec is written': (dir) => writeFileSync(dir.spec, '{}'),
    'the seed is removed': (dir) => rmSync(dir.seed),
  };
  for (const [what, change] of Object.entries(changes)) {
    test(`is not published: ${what}`, async ({ store }) => {
      const dir = await makeInstance(store.layout, 'web');
      const before = await fingerprint(store.root);
      const error = await errorOf(
        cloneWhile(store, () => change(dir)),
        'INSTANCE_CHANGED',
      );
      expect(error.message).toMatch(/^".*" changed while it was being copied$/);
      const after = await fingerprint(store.root);
      expect(Object.keys(after).filter((path) => !(path in before))).toEqual([]);
    });
  }

  test('is not published when it has no seed first and then one', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { seed: null });
    const cloning = cloneWhile(store, () => writeFileSync(dir.seed, 'seed'));
    const error = await errorOf(cloning, 'INSTANCE_CHANGED');
    expect(error.details).toEqual({ path: dir.seed });
    expect(await readdir(store.layout.instances)).toEqual(['web']);
    expect(await readdir(store.layout.staging)).toEqual([]);
  });

  test('is not published when a virtual machine has been started on it', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web');
    await mkdir(dir.file('run'));
    const qemu = await livingIn(dir);
    const cloning = cloneWhile(store, () => writeFileSync(dir.qemuPid, qemu));
    const error = await errorOf(cloning, 'INSTANCE_NOT_STOPPED');
    expect(error.message).toBe('Multipass can only clone stopped instances.');
    expect(await readdir(store.layout.instances)).toEqual(['web']);
    expect(await readdir(store.layout.staging)).toEqual([]);
  });

  test('is published when only its bases got another link', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { thin: true });
    const linkBase = (): void => linkSync(dir.file('base-image.qcow2'), join(store.root, 'link'));
    await cloneWhile(store, linkBase);
    expect((await store.get('copy')).state).toBe('Stopped');
    expect(await readFile(dir.spec, 'utf8')).not.toBe('');
  });
});
