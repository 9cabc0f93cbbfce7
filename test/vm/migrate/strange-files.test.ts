import { rename, rm, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hasCode, type MultipassError } from '../../../src/errors.js';
import { run } from '../../../src/process/run.js';
import { COPIED, lineOf, test, treeOf } from './legacy-copy.js';

/** Puts a FIFO in the place of a file, or where there was none. */
async function putFifo(path: string): Promise<string> {
  await rm(path, { force: true });
  await run('mkfifo', [path]);
  return path;
}

describe('a FIFO among the legacy files', () => {
  test.for(['instanceRecords', 'instanceImageRecords'] as const)(
    'is named, and waited for by nobody, in the place of the database %s',
    async (database, { legacy, target }) => {
      const path = await putFifo(legacy.paths[database]);
      const error = await target.migrate().catch((thrown: unknown) => thrown);
      expect(hasCode(error, 'LEGACY_INVALID')).toBe(true);
      expect((error as MultipassError).message).toBe(`cannot read "${path}": not a regular file`);
    },
  );

  test.for(['0003.snapshot.json', 'snapshot-head', 'snapshot-count'])(
    'is named, and keeps nobody else from coming over, as %s',
    async (name, { legacy, target }) => {
      const path = await putFifo(legacy.file('web', name));
      const before = await treeOf(legacy.root);
      const outcome = await target.migrate({ mode: 'copy' });
      expect(lineOf(outcome, 'web')).toMatchObject({
        action: 'failed',
        reason: `cannot read "${path}": not a regular file`,
      });
      expect(lineOf(outcome, 'db').action).toBe('migrated');
      expect(outcome.complete).toBe(false);
      expect(await treeOf(legacy.root)).toEqual(before);
    },
  );

  test('is no disk, no seed and no key', async ({ legacy, target }) => {
    await putFifo(legacy.file('db', 'something'));
    await putFifo(legacy.instance('db').seed);
    await rename(join(legacy.paths.data, 'ssh-keys'), join(legacy.paths.data, 'keys-away'));
    const { action, method, warnings } = await target.migrateOne('db');
    expect({ action, method }).toEqual({
      action: 'migrated',
      method: expect.stringMatching(COPIED) as string,
    });
    expect(warnings).toEqual([
      'its cloud-init-config.iso is missing: a clone will get a new one',
      'no ssh key was found for it: nobody can enter it without one',
    ]);
  });
});

describe('a legacy file that is too large for what it is', () => {
  test('is named: a database', async ({ legacy, target }) => {
    await truncate(legacy.paths.instanceRecords, 2 ** 40);
    await expect(target.migrate()).rejects.toThrow(
      `cannot read "${legacy.paths.instanceRecords}": larger than 67108864 bytes`,
    );
  });

  test('is named: a seed', async ({ legacy, target }) => {
    const { seed } = legacy.instance('db');
    await truncate(seed, 2 ** 40);
    expect(await target.migrateOne('db')).toMatchObject({
      action: 'failed',
      reason: `"${seed}" is larger than 67108864 bytes`,
    });
  });

  test('is named: an ssh key', async ({ legacy, target }) => {
    const key = join(legacy.paths.data, 'ssh-keys', 'id_rsa');
    await truncate(key, 2 ** 40);
    expect(await target.migrateOne('db')).toMatchObject({
      action: 'failed',
      reason: `cannot read "${key}": larger than 65536 bytes`,
    });
  });
});
