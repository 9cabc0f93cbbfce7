import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { readRecord } from '../../../src/files/record.js';
import { readQcow2 } from '../../../src/qemu/qcow2-header.js';
import { performOperation } from '../../../src/vm/pending/perform.js';
import { decodePending, type PendingOperation } from '../../../src/vm/records/pending-record.js';
import { replaceProgram } from '../../support/replace-program.js';
import { snapshotRecord } from '../../support/snapshot-record.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const SNAPSHOT: PendingOperation = {
  step: { operation: 'snapshot', tag: '@s1' },
  spec: null,
  snapshots: new Map(),
};

describe('an operation in place', () => {
  test('is written down before the disk is touched', async ({ root, store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const seen = join(dirname(root), `seen-${process.pid}`);
    const look = `[ "$1" != snapshot ] || cp '${dir.pending}' '${seen}' || exit 9
exec "$REAL" "$@"`;
    await replaceProgram(join(root, 'bin'), 'qemu-img', look);
    await performOperation(dir, SNAPSHOT);
    expect(decodePending(readRecord(seen)).step).toEqual(SNAPSHOT.step);
    expect(existsSync(dir.pending)).toBe(false);
    expect(readQcow2(dir.disk).snapshots.map(({ name }) => name)).toEqual(['@s1']);
  });

  test('stays written down when it fails', async ({ root, store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await replaceProgram(join(root, 'bin'), 'qemu-img', 'echo no >&2; exit 1');
    await expect(performOperation(dir, SNAPSHOT)).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      message: expect.stringMatching(/no; the snapshot of "web" is on record/) as string,
      hint: expect.stringContaining('multipass start web') as string,
      details: { pending: 'snapshot' },
    });
    expect(decodePending(readRecord(dir.pending)).step).toEqual(SNAPSHOT.step);
  });

  test('is not begun when it could not be read back', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const record = snapshotRecord(1, { comment: 'x'.repeat(4 * 1024 ** 2) });
    await expect(
      performOperation(dir, { ...SNAPSHOT, snapshots: new Map([['0001.json', record]]) }),
    ).rejects.toMatchObject({
      code: 'INVALID_ARGUMENT',
      message: 'the records of "web" are too long to be changed at once',
    });
    expect(existsSync(dir.pending)).toBe(false);
    expect(readQcow2(dir.disk).snapshots).toEqual([]);
  });

  test('is not told to be pending when it could not be written down', async ({
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { seed: null, data: 0 });
    await rm(dir.path, { recursive: true });
    await expect(performOperation(dir, SNAPSHOT)).rejects.not.toMatchObject({
      details: { pending: 'snapshot' },
    });
  });
});
