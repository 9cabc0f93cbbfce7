import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import type { Progress } from '../../../src/work.js';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { replaceProgram } from '../../support/replace-program.js';
import { lineOf, MigrationTarget, test, treeOf } from './legacy-copy.js';

/** A `qemu-img` that does something else first when it has to bring a copied disk to version 3. */
async function beforeAmend(root: string, command: string): Promise<void> {
  const script = `if [ "$1" = amend ]; then ${command}; fi\nexec "$REAL" "$@"`;
  await replaceProgram(join(dirname(root), 'bin'), 'qemu-img', script);
}

/** Only these are in the store, nothing is half-made, and no MAC is taken by anything else. */
async function expectOnly(target: MigrationTarget, names: readonly string[]): Promise<void> {
  const list = await target.store.list();
  expect(list.map(({ name }) => name)).toEqual(names);
  expect(await target.leftovers()).toEqual([]);
  const uuids = await Promise.all(
    names.map(async (name) => (await target.store.get(name)).spec.uuid),
  );
  expect(new Set(Object.values(await target.rows()))).toEqual(new Set(uuids));
}

describe('an instance that fails', () => {
  test.for(['copy', 'move'] as const)(
    'leaves nothing, and the others go on, when the space ends (%s)',
    async (mode, { legacy, target, root }) => {
      await beforeAmend(root, 'echo "write error: No space left on device" >&2; exit 1');
      const before = await treeOf(legacy.instance('old').folder);
      const outcome = await target.migrate({ mode, names: ['gone', 'old', 'web'] });
      expect(lineOf(outcome, 'old')).toMatchObject({
        action: 'failed',
        state: null,
        method: null,
        bytes: 0,
        reason: 'no space left for qemu-img to work',
      });
      expect([lineOf(outcome, 'gone').action, lineOf(outcome, 'web').action]).toEqual([
        'migrated',
        'migrated',
      ]);
      expect(outcome.complete).toBe(false);
      await expectOnly(target, ['gone', 'web']);
      expect(await treeOf(legacy.instance('old').folder)).toEqual(before);
      vi.unstubAllEnvs();
      expect(await target.migrateOne('old', { mode })).toMatchObject({ action: 'migrated' });
    },
  );

  test.for(['copy', 'move'] as const)(
    'is one whose disk changes while it comes over (%s)',
    async (mode, { legacy, target, root }) => {
      const { disk } = legacy.instance('old');
      await beforeAmend(root, `touch '${disk}'`);
      const { action, reason } = await target.migrateOne('old', { mode });
      expect([action, reason]).toEqual(['failed', `"${disk}" changed while it was being copied`]);
      await run('qemu-img', ['check', '-q', disk]);
      await expectOnly(target, []);
    },
  );

  test('is one whose name another command takes meanwhile', async ({ legacy, target, root }) => {
    const taken = target.layout.instance('old').path;
    await beforeAmend(root, `mkdir '${taken}'; echo mine > '${taken}/spec.json'`);
    const before = await treeOf(legacy.root);
    const { action, reason } = await target.migrateOne('old', { mode: 'move' });
    expect([action, reason]).toEqual(['failed', 'instance "old" already exists']);
    expect(await treeOf(legacy.root)).toEqual(before);
    expect(Object.keys(await treeOf(taken))).toEqual(['.', 'spec.json']);
    expect([await target.leftovers(), await target.rows()]).toEqual([[], {}]);
  });

  test('is each when there is no qemu-img', async ({ target, root }) => {
    vi.stubEnv('PATH', dirname(root));
    const { report, complete } = await target.migrate({ names: ['db', 'web'] });
    expect(report.instances.map(({ action, reason }) => [action, reason])).toEqual(
      Array(2).fill(['failed', 'the program "qemu-img" is not installed']),
    );
    expect(complete).toBe(false);
  });
});

describe('a migration', () => {
  test('that is interrupted keeps what is there, and nothing half-made', async ({
    legacy,
    target,
  }) => {
    // It comes after the one whose address it has.
    await legacy.changeSpecs((records) => {
      records['web'] = { ...records['web'], mac_addr: records['db']?.['mac_addr'] };
    });
    const before = await treeOf(legacy.root);
    const controller = new AbortController();
    const { signal } = controller;
    const onProgress = ({ instance }: Progress): void => {
      if (instance === 'web') controller.abort();
    };
    const migrating = target.migrate({ names: ['db', 'web'], work: { signal, onProgress } });
    await expect(migrating).rejects.toMatchObject({ code: 'ABORTED' });
    await expectOnly(target, ['db']);
    expect(await treeOf(legacy.root)).toEqual(before);
  });

  test.for([true, false])(
    'refuses a store that is too new (dry run: %s)',
    async (dryRun, { target }) => {
      await mkdir(target.layout.root);
      await writeFile(target.layout.formatFile, '{"format": 2}');
      const before = await treeOf(target.layout.root);
      await expect(target.migrate({ dryRun })).rejects.toMatchObject({ code: 'STORE_TOO_NEW' });
      expect(await treeOf(target.layout.root)).toEqual(before);
    },
  );
});

describe.runIf(canLoopMount)('on a file system that is too small for one instance', () => {
  test('that one fails before the work, and the others come over', async ({ legacy }) => {
    const { disk } = legacy.instance('db');
    await run('qemu-io', ['-f', 'qcow2', '-c', 'write -P 5 64M 32M', disk]);
    const before = await treeOf(legacy.root);
    await withLoopMount('ext4', 40, async (folder) => {
      const target = new MigrationTarget(join(folder, 'store'), legacy.root);
      await initialiseStore(target.layout);
      const outcome = await target.migrate();
      expect(lineOf(outcome, 'db').reason).toMatch(
        /^not enough space in ".*": 3\d\.\dMiB needed, /,
      );
      expect(outcome.complete).toBe(false);
      await expectOnly(target, ['asleep', 'gone', 'old', 'web']);
    });
    expect(await treeOf(legacy.root)).toEqual(before);
  });
});
