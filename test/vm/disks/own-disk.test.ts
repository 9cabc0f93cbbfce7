import { link, open, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { recordText } from '../../../src/files/record.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import { lookAt, openInstance } from '../../../src/vm/open.js';
import { startMachine } from '../../../src/vm/run/start-instance.js';
import { Work } from '../../../src/work.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const work = Work.of({});

async function change(path: string, at: number, bytes: readonly number[]): Promise<void> {
  await using file = await open(path, 'r+');
  await file.write(Buffer.from(bytes), 0, bytes.length, at);
}

/** A head whose data are in a file of the host's. @returns that file */
async function leadOut(dir: InstanceDir): Promise<string> {
  const host = join(dirname(dirname(dirname(dir.path))), 'of the host');
  await rm(dir.disk, { force: true });
  const options = ['-o', `data_file=${host},data_file_raw=on`];
  await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, dir.disk, '1M']);
  await writeFile(host, 'not for a guest'.padEnd(1024 ** 2));
  return host;
}

/** What is done to a head, or to the base below it. */
const UNFIT: Readonly<Record<string, readonly [(path: string) => Promise<unknown>, RegExp]>> = {
  'that is marked as corrupt': [(path) => change(path, 79, [2]), /is marked as corrupt/],
  'that is encrypted': [(path) => change(path, 35, [2]), /is encrypted/],
  'whose data are elsewhere': [(path) => change(path, 79, [4]), /data in another file/],
  'that needs features of another time': [(path) => change(path, 78, [1]), /unknown features/],
};

describe('the disk of an instance', () => {
  for (const [what, [spoil, message]] of Object.entries(UNFIT)) {
    test(`is refused as a head ${what}, and as a base`, async ({ store: { layout } }) => {
      const dir = await makeInstance(layout, 'web', { seed: null, thin: true });
      for (const path of [dir.base('image'), dir.disk]) {
        await run('chmod', ['u+w', path]);
        await spoil(path);
        const attempt = startMachine({ layout, name: 'web', work });
        await expect(attempt, path).rejects.toMatchObject({
          code: 'DISK_INVALID',
          message: expect.stringMatching(message) as string,
          details: { path },
        });
        const request = { for: 'clone', states: ['Stopped'] } as const;
        expect(() => lookAt(layout, 'web', request), path).toThrow(message);
      }
    });
  }

  test('never leads to a file of the host, at start or after a QEMU that died', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null });
    const host = await leadOut(dir);
    const before = [await readFile(host), (await stat(host)).mtimeMs];
    await expect(startMachine({ layout, name: 'web', work })).rejects.toMatchObject({
      code: 'DISK_INVALID',
    });
    // What every command does that takes its lock: a repair after a QEMU that died, the end of what is pending.
    await run('mkdir', ['-p', dir.run]);
    await writeFile(dir.qemuPid, JSON.stringify({ pid: process.pid, startTime: '1' }));
    const request = { for: 'delete', states: ['Stopped'], disk: 'any', work } as const;
    const opened = await openInstance(layout, 'web', request);
    expect(opened.reading.uncleanEnd).toBe(true);
    await opened[Symbol.asyncDispose]();
    // It is not even looked for.
    await rename(host, `${host} moved`);
    const again = await openInstance(layout, 'web', request);
    await again[Symbol.asyncDispose]();
    await rename(`${host} moved`, host);
    const step = { operation: 'resize', size: 2 * 1024 ** 2 } as const;
    await writeFile(
      dir.pending,
      recordText(encodePending({ step, spec: null, snapshots: new Map() })),
    );
    await expect(openInstance(layout, 'web', request)).rejects.toMatchObject({
      code: 'DISK_INVALID',
    });
    expect([await readFile(host), (await stat(host)).mtimeMs]).toEqual(before);
  });

  test('is refused when it is a link to somewhere else', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { seed: null });
    await rename(dir.disk, join(layout.root, 'elsewhere.qcow2'));
    await symlink(join(layout.root, 'elsewhere.qcow2'), dir.disk);
    await expect(startMachine({ layout, name: 'web', work })).rejects.toMatchObject({
      code: 'INSTANCE_BROKEN',
    });
  });
});

describe('a disk of which somebody has a hard link', () => {
  const snapshot = { for: 'snapshot', states: ['Stopped'], work } as const;

  test('is not changed, and what to do is said', async ({ root, store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { seed: null });
    const backup = `${root}-backup`;
    await run('cp', ['-al', dir.path, backup]);
    const before = await readFile(join(backup, 'disk.qcow2'));
    const refused = {
      code: 'DISK_INVALID',
      message: expect.stringContaining('several names') as string,
      hint: expect.stringContaining('mv new disk.qcow2') as string,
    };
    await expect(openInstance(layout, 'web', snapshot)).rejects.toMatchObject(refused);
    await expect(startMachine({ layout, name: 'web', work })).rejects.toMatchObject(refused);
    expect((await readFile(join(backup, 'disk.qcow2'))).equals(before)).toBe(true);
    // As the hint says.
    await run('sh', ['-c', 'cp --sparse=always disk.qcow2 new && mv new disk.qcow2'], {
      cwd: dir.path,
    });
    await (await openInstance(layout, 'web', snapshot))[Symbol.asyncDispose]();
  });

  test('can be looked at, cloned, and deleted', async ({ root, store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { seed: null });
    await link(dir.disk, `${root}-backup.qcow2`);
    const before = await readFile(`${root}-backup.qcow2`);
    expect((await store.get('web')).state).toBe('Stopped');
    const { name } = await (await store.get('web')).clone('web-2');
    expect(name).toBe('web-2');
    await (await store.get('web')).delete();
    expect((await readFile(`${root}-backup.qcow2`)).equals(before)).toBe(true);
  });

  test('is as good as any once the other is gone, and bases may have many', async ({
    root,
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { seed: null, thin: true });
    await link(dir.base('image'), `${root}-base.qcow2`);
    await link(dir.disk, `${root}-head.qcow2`);
    await expect(openInstance(layout, 'web', snapshot)).rejects.toThrow('several names');
    await rm(`${root}-head.qcow2`);
    await (await openInstance(layout, 'web', snapshot))[Symbol.asyncDispose]();
  });
});
