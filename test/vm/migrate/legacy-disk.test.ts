import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, rename, rm, stat, symlink, truncate, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { ACTIVE, type DiskRegion } from '../../../fixtures/legacy/disks.js';
import { run } from '../../../src/process/run.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { isHeldByQemu } from '../../../src/qemu/qemu-img.js';
import { COPIED, lineOf, test, treeOf } from './legacy-copy.js';

async function expectToHold(disk: string, regions: readonly DiskRegion[]): Promise<void> {
  const reads = regions.flatMap((r) => ['-c', `read -P ${r.pattern} ${r.offset} ${r.length}`]);
  await run('qemu-io', ['-r', '-f', 'qcow2', ...reads, disk]);
}

/** Fails unless a guest sees the same on both. */
async function expectSame(old: string, head: string, format = 'qcow2'): Promise<void> {
  await run('qemu-img', ['compare', '-q', '-f', format, '-F', 'qcow2', old, head]);
  await run('qemu-img', ['check', '-q', head]);
}

/** Runs `work` while a process holds the disk open for writing, as a running QEMU does. */
async function whileHeld(disk: string, work: () => Promise<void>): Promise<void> {
  const hold = (): ChildProcess =>
    spawn('qemu-io', ['-f', 'qcow2', '-c', 'sleep 60000', disk], { stdio: 'ignore' });
  let child = hold();
  // Whoever looks holds it for a moment himself, and it may give up because of that.
  while (!(await isHeldByQemu(disk))) if (child.exitCode !== null) child = hold();
  try {
    await work();
  } finally {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  }
}

describe('a migrated disk', () => {
  test.for(['web', 'db', 'old', 'asleep', 'gone'])(
    'holds what %s had, now and in every snapshot',
    async (name, { legacy, target, root }) => {
      const { disk, contents } = legacy.instance(name);
      await target.migrate({ names: [name] });
      const head = target.layout.instance(name).disk;
      await expectSame(disk, head);
      await expectToHold(head, contents[ACTIVE]!);
      const facts = readQcow2(head);
      const tags = Object.keys(contents).filter((state) => state !== ACTIVE);
      expect(facts.snapshots.map((snapshot) => snapshot.name)).toEqual(tags);
      const restored = join(dirname(root), 'restored.qcow2');
      await copyFile(head, restored);
      for (const tag of tags) {
        await run('qemu-img', ['snapshot', '-a', tag, restored]);
        await expectToHold(restored, contents[tag]!);
      }
      expect(facts.version).toBe(3);
      expect(readQcow2(disk).version).toBe(name === 'old' ? 2 : 3);
    },
  );

  test.for(['raw', 'vmdk', 'vdi'])('is converted from %s', async (format, { legacy, target }) => {
    const { disk, contents } = legacy.instance('old');
    // By its boot sector a raw disk is known.
    const sector = ['write -z 0 4096', 'write -P 0x55 510 1', 'write -P 0xaa 511 1'];
    await run('qemu-io', ['-f', 'qcow2', ...sector.flatMap((line) => ['-c', line]), disk]);
    await run('qemu-img', ['convert', '-O', format, disk, `${disk}.${format}`]);
    await rm(disk);
    const before = await treeOf(legacy.root);
    const line = await target.migrateOne('old');
    expect(line).toMatchObject({ action: 'migrated', method: 'convert', warnings: [] });
    const head = target.layout.instance('old').disk;
    await expectSame(`${disk}.${format}`, head, format);
    const behind = contents[ACTIVE]!.filter(({ offset }) => offset > 0);
    expect(behind).not.toEqual([]);
    await expectToHold(head, behind);
    expect(line.bytes).toBe((await stat(head)).blocks * 512);
    const { spec } = await target.store.get('old');
    expect(spec.disk).toBe(readQcow2(head).virtualSize);
    expect(await treeOf(legacy.root)).toEqual(before);
  });

  test('is refused when it stands on another file', async ({ legacy, target }) => {
    const { disk, folder } = legacy.instance('gone');
    await rename(disk, join(folder, 'base.qcow2'));
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', 'base.qcow2', disk]);
    expect(await target.migrateOne('gone')).toMatchObject({
      action: 'failed',
      reason: `"${disk}" is no disk that can be taken: it stands on another file, "base.qcow2"`,
    });
    expect(await target.store.list()).toEqual([]);
  });

  test.for([
    ['a vmdk descriptor', 'version=1\ncreateType="monolithicFlat"\nRW 2 FLAT "/etc/hostname" 0\n'],
    [
      'one with its comment line',
      '# Disk DescriptorFile\nversion=1\nRW 2 FLAT "/etc/hostname" 0\n',
    ],
    [
      'one that has a parent',
      'version=1\nCID=1\nparentCID=2\nparentFileNameHint="/etc/hostname"\n',
    ],
  ])('is refused when it is %s', async ([, text], { legacy, target }) => {
    const { disk } = legacy.instance('gone');
    for (const length of [text!.length, 1024]) {
      await writeFile(disk, text!.padEnd(length));
      const { action, reason } = await target.migrateOne('gone');
      expect([action, reason]).toEqual(['failed', expect.stringMatching(/vmdk descriptor/)]);
      expect(reason).toContain(`"${disk}"`);
      expect(await target.store.list()).toEqual([]);
    }
  });

  test('is refused when it is a vmdk or qed disk on another file', async ({ legacy, target }) => {
    const { disk, folder } = legacy.instance('gone');
    for (const format of ['vmdk', 'qed']) {
      const base = join(folder, '..', `base.${format}`);
      await run('qemu-img', ['create', '-q', '-f', format, base, '1M']);
      await rm(disk, { force: true });
      await run('qemu-img', ['create', '-q', '-f', format, '-b', base, '-F', format, disk]);
      const { action, reason } = await target.migrateOne('gone');
      expect([action, reason]).toEqual(['failed', expect.stringMatching(/another file|qed disk/)]);
    }
    expect(await target.store.list()).toEqual([]);
  });

  test('is found by any name, through a link, and is a file of its own', async ({
    legacy,
    target,
  }) => {
    const { disk, folder, contents } = legacy.instance('web');
    const strange = join(legacy.root, 'json:{"driver":"raw"},file=x y');
    await rename(disk, strange);
    await symlink(strange, disk);
    await rename(disk, join(folder, 'no extension,at=all'));
    const { method, action } = await target.migrateOne('web');
    expect([action, COPIED.test(method!)]).toEqual(['migrated', true]);
    expect((await target.store.get('web')).state).toBe('Stopped');
    await expectToHold(target.layout.instance('web').disk, contents[ACTIVE]!);
  });

  test('is the only qcow2 of several files when no record names it', async ({ legacy, target }) => {
    const { disk, folder } = legacy.instance('db');
    await writeFile(join(folder, 'notes.txt'), 'remember the milk');
    await rename(disk, join(folder, 'renamed'));
    expect((await target.migrateOne('db')).action).toBe('migrated');
    await expectSame(join(folder, 'renamed'), target.layout.instance('db').disk);
  });
});

describe('an instance fails, and the others do not,', () => {
  test('when there are two disks and no telling which', async ({ legacy, target }) => {
    const { disk, folder } = legacy.instance('db');
    await copyFile(disk, join(folder, 'other'));
    await rm(legacy.paths.instanceImageRecords);
    const before = await treeOf(legacy.root);
    const outcome = await target.migrate({ names: ['db', 'web'] });
    expect(lineOf(outcome, 'db')).toMatchObject({
      action: 'failed',
      state: null,
      reason: `cannot tell which is the disk: ${join(folder, 'other')}, ${disk}`,
    });
    expect(lineOf(outcome, 'web').action).toBe('migrated');
    expect(outcome.complete).toBe(false);
    expect(await treeOf(legacy.root)).toEqual(before);
  });

  test.for([
    ['is gone', null, /^no disk found in ".*db"$/],
    ['is empty', 0, /^".*postgres-16" is no disk that can be taken: it is empty$/],
    ['is cut off in its header', 80, /it is cut off: it ends at byte 80/],
    [
      'is cut off in its tables',
      70_000,
      /^".*postgres-16" is no disk that can be taken: .* it is cut off: it ends at byte 70000/,
    ],
  ] as const)('when the disk %s', async ([, size, reason], { legacy, target }) => {
    const { disk } = legacy.instance('db');
    await (size === null ? rm(disk) : truncate(disk, size));
    const before = await treeOf(legacy.root);
    const outcome = await target.migrate({ names: ['db', 'gone'] });
    expect(lineOf(outcome, 'db')).toMatchObject({ action: 'failed', method: null });
    expect(lineOf(outcome, 'db').reason).toMatch(reason);
    expect(lineOf(outcome, 'gone').action).toBe('migrated');
    expect(outcome.complete).toBe(false);
    expect(await treeOf(legacy.root)).toEqual(before);
    expect((await target.store.list()).map(({ name }) => name)).toEqual(['gone']);
    expect(await target.leftovers()).toEqual([]);
  });

  test('when its only file is no disk at all', async ({ legacy, target }) => {
    await mkdir(join(legacy.vault, 'diary'));
    await writeFile(join(legacy.vault, 'diary', 'notes.txt'), 'remember the milk');
    expect(await target.migrateOne('diary')).toMatchObject({
      action: 'failed',
      reason: `"${join(legacy.vault, 'diary', 'notes.txt')}" is no disk that can be taken: it is a text`,
    });
  });
});

describe('a disk that a QEMU holds open', () => {
  test('is skipped as in use, and comes over once it is let go', async ({ legacy, target }) => {
    const { disk } = legacy.instance('db');
    const before = await treeOf(legacy.root);
    await whileHeld(disk, async () => {
      for (const mode of ['copy', 'move'] as const) {
        const outcome = await target.migrate({ names: ['db', 'gone'], dryRun: true, mode });
        expect(outcome.complete).toBe(false);
      }
      const outcome = await target.migrate({ names: ['db', 'gone'] });
      expect(lineOf(outcome, 'db')).toMatchObject({
        action: 'skipped',
        reason: `in use: a QEMU holds "${disk}" open`,
        state: null,
      });
      expect(lineOf(outcome, 'gone').action).toBe('migrated');
      expect(outcome.complete).toBe(false);
      expect((await target.migrate({ names: ['db'], mode: 'move' })).complete).toBe(false);
    });
    expect(await treeOf(legacy.root)).toEqual(before);
    const { complete } = await target.migrate({ names: ['db'] });
    expect(complete).toBe(true);
  });
});
