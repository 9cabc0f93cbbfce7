import {
  cp,
  link,
  lstat,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { ACTIVE } from '../../../fixtures/legacy/disks.js';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { makeInstance } from '../../support/store-fixture.js';
import {
  COPIED,
  inodeOf,
  type LegacyCopy,
  lineOf,
  MigrationTarget,
  test,
  treeOf,
} from './legacy-copy.js';

const MOVE = { mode: 'move' } as const;

async function exists(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => null)) !== null;
}

async function expectToHold(disk: string, legacy: LegacyCopy, name: string): Promise<void> {
  const regions = legacy.instance(name).contents[ACTIVE]!;
  const reads = regions.flatMap((r) => ['-c', `read -P ${r.pattern} ${r.offset} ${r.length}`]);
  await run('qemu-io', ['-r', '-f', 'qcow2', ...reads, disk]);
}

/** Moves an instance whose files are not its alone, or looks at one that was: nothing of the old data changes. */
async function expectCopied(
  { legacy, target }: { legacy: LegacyCopy; target: MigrationTarget },
  name: string,
  why: string,
): Promise<void> {
  const before = await treeOf(legacy.root);
  const { action, method, warnings, reason } = await target.migrateOne(name, MOVE);
  const sentence = `${why}: the old files are left in place`;
  if (action === 'skipped') expect(reason).toBe(`already there; ${sentence}`);
  else {
    expect(COPIED.test(method!)).toBe(true);
    expect(warnings).toContain(sentence);
  }
  expect(await treeOf(legacy.root)).toEqual(before);
  const head = await lstat(target.layout.instance(name).disk);
  expect([head.isFile(), head.nlink]).toEqual([true, 1]);
}

describe('--move', () => {
  test('makes the old disk the head, and deletes the rest', async ({ legacy, target }) => {
    const { disk } = legacy.instance('web');
    const inode = await inodeOf(disk);
    const others = await treeOf(legacy.instance('db').folder);
    const databases = await readFile(legacy.paths.instanceRecords, 'utf8');
    const line = await target.migrateOne('web', MOVE);
    expect(line).toMatchObject({ action: 'migrated', method: 'move', bytes: 0, warnings: [] });
    const head = target.layout.instance('web').disk;
    expect(await inodeOf(head)).toBe(inode);
    expect((await stat(head)).nlink).toBe(1);
    await expectToHold(head, legacy, 'web');
    expect(await exists(legacy.instance('web').folder)).toBe(false);
    expect(await treeOf(legacy.instance('db').folder)).toEqual(others);
    expect(await readFile(legacy.paths.instanceRecords, 'utf8')).toBe(databases);
    expect(await target.migrateOne('web', MOVE)).toMatchObject({ reason: 'already there' });
  });

  test('copies a qcow2 of version 2, and deletes it then', async ({ legacy, target }) => {
    const { disk, folder } = legacy.instance('old');
    const inode = await inodeOf(disk);
    const before = await treeOf(join(legacy.root, 'cache'));
    const { method } = await target.migrateOne('old', MOVE);
    expect(method).toMatch(COPIED);
    expect(await inodeOf(target.layout.instance('old').disk)).not.toBe(inode);
    expect(await exists(folder)).toBe(false);
    expect(await treeOf(join(legacy.root, 'cache'))).toEqual(before);
  });

  test('copies to another file system, and deletes the old files then', async ({ legacy }) => {
    const away = await mkdtemp('/dev/shm/multipass-ts-');
    try {
      const target = new MigrationTarget(join(away, 'store'), legacy.root);
      const { method, warnings } = await target.migrateOne('db', MOVE);
      expect([COPIED.test(method!), warnings]).toEqual([true, []]);
      await expectToHold(target.layout.instance('db').disk, legacy, 'db');
      expect(await exists(legacy.instance('db').folder)).toBe(false);
    } finally {
      await rm(away, { recursive: true });
    }
  });

  test('keeps what is not Multipass’s, and tells', async ({ legacy, target }) => {
    const { folder } = legacy.instance('web');
    const own = ['notes.txt', 'snapshot-head.bak', 'cloud-init-config.iso.orig'];
    for (const name of own) await writeFile(join(folder, name), 'mine');
    await mkdir(join(folder, 'backup'));
    await writeFile(join(folder, '0002.snapshot.json.lock'), '');
    const { warnings } = await target.migrateOne('web', MOVE);
    const left = ['backup', ...own].sort();
    expect((await readdir(folder)).sort()).toEqual(left);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain(`"${folder}" still has files that are not Multipass's: `);
    for (const name of left) expect(warnings[0]).toContain(name);
  });

  test('follows a link to the disk, and leaves both in place', async ({ legacy, target }) => {
    const { disk } = legacy.instance('db');
    const elsewhere = join(legacy.root, 'elsewhere.img');
    await rename(disk, elsewhere);
    await symlink(elsewhere, disk);
    await expectCopied({ legacy, target }, 'db', `"${elsewhere}" is what a link leads to`);
    await expectCopied({ legacy, target }, 'db', `"${elsewhere}" is what a link leads to`);
  });

  test('only copies a disk that is not in the instance’s folder', async ({ legacy, target }) => {
    const { disk } = legacy.instance('db');
    await legacy.changeSpecs((records) => (records['other'] = { ...records['db'] }));
    await legacy.changeImagePath('other', disk);
    const before = await treeOf(legacy.root);
    const line = await target.migrateOne('other', MOVE);
    expect(line.method).toMatch(COPIED);
    expect(line.warnings.slice(1)).toEqual([
      `"${disk}" is not in the instance's own folder: the old files are left in place`,
    ]);
    expect(await treeOf(legacy.root)).toEqual(before);
    await expectCopied({ legacy, target }, 'db', `"${disk}" is the disk of "other" as well`);
  });

  test.for(['db', 'alias'])(
    'only copies what two names of the vault lead to, first for "%s"',
    async (first, { legacy, target }) => {
      const { folder, disk } = legacy.instance('db');
      await symlink(folder, join(legacy.vault, 'alias'));
      const reasons = {
        db: `"${disk}" is the disk of "alias" as well`,
        alias: `"${disk}" is in a folder that a link leads to`,
      };
      for (const name of [first, 'db', 'alias'] as const) {
        await expectCopied({ legacy, target }, name, reasons[name as 'db' | 'alias']);
      }
    },
  );

  test('only copies a disk that a backup shares, whose bytes then stay', async ({
    legacy,
    target,
  }) => {
    const { disk, folder } = legacy.instance('web');
    const backup = join(legacy.root, 'backup');
    await run('cp', ['-al', '--', folder, backup]);
    await expectCopied({ legacy, target }, 'web', `"${disk}" has 2 hard links`);
    expect((await stat(target.layout.instance('web').disk)).nlink).toBe(1);
    expect((await stat(disk)).nlink).toBe(2);
  });

  test('leaves the disk in a folder outside of the vault', async ({ legacy, target }) => {
    const { folder } = legacy.instance('db');
    const elsewhere = join(legacy.root, 'elsewhere');
    await rename(folder, elsewhere);
    await symlink(elsewhere, folder);
    const { action, method } = await target.migrateOne('db', MOVE);
    expect([action, COPIED.test(method!)]).toEqual(['migrated', true]);
    const before = await treeOf(legacy.root);
    expect((await target.migrateOne('db', MOVE)).reason).toContain('a folder that a link leads to');
    expect(await treeOf(legacy.root)).toEqual(before);
  });

  test('finishes what was killed when the disk and the head are one file', async ({
    legacy,
    target,
  }) => {
    const { disk, folder } = legacy.instance('db');
    await target.migrateOne('db', MOVE);
    await mkdir(folder);
    await link(target.layout.instance('db').disk, disk);
    expect((await target.migrateOne('db', MOVE)).reason).toBe(
      'already there; the old files were deleted',
    );
    expect(await exists(folder)).toBe(false);
    await expectToHold(target.layout.instance('db').disk, legacy, 'db');
  });

  test('foresees in a dry run what it would do, and does nothing', async ({ legacy, target }) => {
    const before = await treeOf(legacy.root);
    const { report } = await target.migrate({ ...MOVE, dryRun: true });
    const methods = report.instances.map(({ name, method }) => [name, method]);
    expect(Object.fromEntries(methods)).toEqual({
      asleep: 'move',
      db: 'move',
      gone: 'move',
      web: 'move',
      old: null,
      ghost: null,
    });
    expect(await treeOf(legacy.root)).toEqual(before);
    expect(await exists(target.layout.root)).toBe(false);
  });

  test('keeps the instance when the old files cannot be deleted', async ({ legacy, target }) => {
    const { disk, folder } = legacy.instance('db');
    await mkdir(join(folder, '0009.snapshot.json'));
    const { action, warnings } = await target.migrateOne('db', MOVE);
    expect(action).toBe('migrated');
    expect(warnings.at(-1)).toContain(`cannot delete the old files ("${folder}")`);
    expect(await exists(disk)).toBe(true);
    const { spec } = await target.store.get('db');
    expect(await target.rows()).toEqual({ '52:54:00:20:00:01': spec.uuid });
    await rm(join(folder, '0009.snapshot.json'), { recursive: true });
    expect((await target.migrateOne('db', MOVE)).reason).toBe(
      'already there; the old files were deleted',
    );
  });
});

describe('--move of what is in the store already', () => {
  test('deletes the old files that a copy left', async ({ legacy, target }) => {
    await target.migrate({ names: ['web', 'old'] });
    const before = await treeOf(target.layout.instances);
    const outcome = await target.migrate({ ...MOVE, names: ['web', 'old'] });
    for (const name of ['web', 'old']) {
      expect(lineOf(outcome, name)).toMatchObject({
        action: 'skipped',
        reason: 'already there; the old files were deleted',
      });
      expect(await exists(legacy.instance(name).folder)).toBe(false);
    }
    expect(outcome.complete).toBe(true);
    expect(await treeOf(target.layout.instances)).toEqual(before);
  });

  test('finishes a move that was killed, even when the instance has run since', async ({
    legacy,
    target,
  }) => {
    const { folder, disk } = legacy.instance('db');
    await run('cp', ['-a', folder, `${legacy.root}/links`]);
    await target.migrateOne('db', MOVE);
    await rename(`${legacy.root}/links`, folder);
    const head = target.layout.instance('db').disk;
    await rm(disk);
    await link(head, disk);
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 0x77 32M 1M', head]);
    await rm(join(folder, 'snapshot-head'));
    expect((await target.migrateOne('db', MOVE)).reason).toBe(
      'already there; the old files were deleted',
    );
    expect(await exists(folder)).toBe(false);
    await run('qemu-io', ['-r', '-f', 'qcow2', '-c', 'read -P 0x77 32M 1M', head]);
  });

  test('removes the empty folder that a killed move left', async ({ legacy, target }) => {
    const { folder } = legacy.instance('db');
    await target.migrateOne('db', MOVE);
    await mkdir(folder);
    expect((await target.migrateOne('db', MOVE)).reason).toBe(
      'already there; the old files were deleted',
    );
    expect(await exists(folder)).toBe(false);
  });

  test('leaves a disk that has changed since', async ({ legacy, target }) => {
    const { disk } = legacy.instance('db');
    await target.migrateOne('db');
    await utimes(disk, new Date(), new Date());
    const before = await treeOf(legacy.root);
    const { report, complete } = await target.migrate({ ...MOVE, names: ['db'] });
    expect(report.instances[0]!.reason).toBe(
      `already there; "${disk}" is not what was migrated: the old files are left in place`,
    );
    expect(complete).toBe(true);
    expect(await treeOf(legacy.root)).toEqual(before);
  });

  test('never deletes the head through a link to it', async ({ legacy, target }) => {
    const { disk } = legacy.instance('db');
    await target.migrateOne('db', MOVE);
    const head = target.layout.instance('db').disk;
    await mkdir(legacy.instance('db').folder);
    await symlink(head, disk);
    expect((await target.migrateOne('db', MOVE)).reason).toContain('is what a link leads to');
    await expectToHold(head, legacy, 'db');
    expect(await exists(disk)).toBe(true);
  });

  test.for([
    ['is another instance', 'other'],
    ['is another one by its MAC', 'mac'],
    ['is broken', 'broken'],
  ] as const)('fails and deletes nothing when that %s', async ([, kind], { legacy, target }) => {
    await initialiseStore(target.layout);
    if (kind === 'other') await makeInstance(target.layout, 'db');
    else await target.migrateOne('db');
    if (kind === 'broken') await writeFile(target.layout.instance('db').disk, 'QFI');
    if (kind === 'mac') {
      await legacy.changeSpecs((records) => (records['db']!['mac_addr'] = '52:54:00:66:66:66'));
    }
    const before = [await treeOf(legacy.root), await treeOf(target.layout.root)];
    const outcome = await target.migrate({ ...MOVE, names: ['db', 'ghost'] });
    expect(lineOf(outcome, 'db')).toMatchObject({
      action: 'failed',
      reason: 'instance "db" already exists',
    });
    expect(outcome.complete).toBe(false);
    expect([await treeOf(legacy.root), await treeOf(target.layout.root)]).toEqual(before);
  });

  test('does not take an empty folder of that name for it', async ({ target }) => {
    await initialiseStore(target.layout);
    await mkdir(target.layout.instance('db').path);
    expect(await target.migrateOne('db')).toMatchObject({ action: 'migrated' });
  });
});

describe('another legacy Multipass', () => {
  test('with an instance of the same name and MAC adds nothing', async ({ legacy, target }) => {
    await target.migrateOne('db');
    const second = `${legacy.root}-2`;
    await cp(legacy.root, second, { recursive: true });
    const outcome = await target.migrate({ ...MOVE, from: second, names: ['db'] });
    expect(lineOf(outcome, 'db').reason).toMatch(/^already there; .* is not what was migrated/);
    expect(await exists(join(second, 'data', 'vault', 'instances', 'db'))).toBe(true);
  });
});
