import { randomUUID } from 'node:crypto';
import {
  chmod,
  chown,
  copyFile,
  mkdir,
  readdir,
  readFile,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { geteuid } from 'node:process';
import { describe, expect } from 'vitest';
import { HolderNote } from '../../../src/store/lock-holders.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { StagedInstance } from '../../../src/store/staging.js';
import { doctor, examineAndMend, type Finding } from '../../../src/vm/doctor/doctor.js';
import { examineStore } from '../../../src/vm/doctor/examine-store.js';
import { LostAndFound } from '../../../src/vm/doctor/lost-and-found.js';
import { Work } from '../../../src/work.js';
import { fingerprint } from '../../support/fingerprint.js';
import { pretendToRun } from '../../support/pretend-to-run.js';
import { makeInstance, test } from '../../support/store-fixture.js';

async function mend(layout: StoreLayout): Promise<{
  readonly left: readonly Finding[];
  readonly mended: readonly Finding[];
  readonly warnings: readonly string[];
}> {
  const warnings: string[] = [];
  const work = Work.of({ onWarning: (warning) => void warnings.push(warning) });
  const { found, mended } = await examineAndMend(layout, work, { fix: true });
  return { left: found.map(({ finding }) => finding), mended, warnings };
}

describe('doctor --fix', () => {
  test('leaves alone what runs and what others are making', async ({ store: { layout } }) => {
    await pretendToRun(await makeInstance(layout, 'web', { data: 0 }));
    await makeInstance(layout, 'db', { data: 0 });
    const staged = await StagedInstance.create(layout, randomUUID(), 'new');
    await staged.claimMac('525400aaaaaa');
    await using note = await HolderNote.write(layout, 'db', 'clone');
    await copyFile(layout.instance('db').disk, layout.instance('db').base('half'));
    const before = await fingerprint(layout.root);
    expect(await mend(layout)).toEqual({ left: [], mended: [], warnings: [] });
    expect(await fingerprint(layout.root)).toEqual(before);
    await staged.discard();
    await note.remove();
    expect((await mend(layout)).mended.map(({ kind }) => kind)).toEqual(['base-stray']);
  });

  test('claims no address for what is purged or renamed meanwhile', async ({ store }) => {
    const { layout } = store;
    const work = Work.of({});
    const request = { layout, work, lost: new LostAndFound(layout) };
    await makeInstance(layout, 'web', { data: 0 });
    for (const change of [
      async () => (await store.get('web')).rename('moved'),
      async () => (await store.get('moved')).purge(),
    ]) {
      for (const row of await readdir(layout.macs)) await unlink(layout.macRow(row));
      const [found] = await examineStore({ layout, work, disks: new Map() });
      expect(found?.finding.kind).toBe('mac-row-missing');
      await change();
      const before = await readdir(layout.macs);
      await expect(found?.mend?.(request)).rejects.toThrow(/does not exist/);
      expect(await readdir(layout.macs)).toEqual(before);
    }
  });

  test('puts what is in the way under its own path into lost+found', async ({ store }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web', { data: 0 });
    const content = await readFile(dir.disk);
    await writeFile(dir.base('stray'), content);
    await writeFile(join(layout.instances, 'new'), 'mine');
    const { mended, left } = await mend(layout);
    expect(left).toEqual([]);
    expect(mended.map(({ kind }) => kind).sort()).toEqual(['base-stray', 'not-an-instance']);
    const [time = ''] = await readdir(layout.lostAndFound);
    const lost = join(layout.lostAndFound, time, 'instances');
    expect((await readFile(join(lost, 'web', 'base-stray.qcow2'))).equals(content)).toBe(true);
    expect(await readFile(join(lost, 'new'), 'utf8')).toBe('mine');
  });

  test('says what it could not mend, and claims it no more', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { data: 0 });
    const resize = { operation: 'resize', arguments: { size: 1024 }, records: {} };
    await writeFile(dir.pending, JSON.stringify(resize));
    const { left, mended, warnings } = await mend(layout);
    expect(mended).toEqual([]);
    expect(warnings).toEqual([expect.stringContaining('something could not be mended')]);
    expect(left).toMatchObject([{ kind: 'operation-pending', fixable: false, fixed: false }]);
  });

  test('mends what mending brings to light, in the same call', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { data: 0 });
    const [row = ''] = await readdir(layout.macs);
    await writeFile(layout.macRow(row), '');
    await mkdir(dir.run);
    await writeFile(dir.qemuPid, '{"pid": 9999999, "startTime": "1"}');
    await chmod(layout.root, 0o770);
    const { left, mended } = await mend(layout);
    expect(left).toEqual([]);
    expect(mended.map(({ kind }) => kind)).toEqual([
      ...['open-to-writers', 'run-ended-uncleanly', 'mac-row-invalid', 'mac-row-missing'],
    ]);
  });

  test.runIf(geteuid?.() === 0)('mends no store of another user', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { data: 0 });
    await writeFile(join(layout.instances, 'new'), 'mine');
    await chown(layout.instance('web').spec, 12345, 12345);
    const { found } = await examineAndMend(layout, Work.of(), { fix: false });
    expect(found.map(({ finding }) => finding)).toMatchObject([
      { kind: 'other-owner', instance: 'web', path: 'instances/web/spec.json', fixable: false },
      { kind: 'not-an-instance', instance: 'new' },
    ]);
    await chown(layout.root, 12345, 12345);
    const before = await fingerprint(layout.root);
    await expect(mend(layout)).rejects.toMatchObject({ code: 'STORE_NOT_PRIVATE' });
    expect(await fingerprint(layout.root)).toEqual(before);
  });

  test('makes no store where there is none', async ({ root, store: { layout } }) => {
    const { StoreLayout: Layout } = await import('../../../src/store/layout.js');
    const none = new Layout(join(root, '..', 'none'));
    const env = { MULTIPASS_ACCELERATOR: 'tcg' };
    const { findings } = await doctor({ layout: none, env, fix: true });
    expect(findings.filter(({ path }) => path !== null)).toEqual([]);
    expect(await readdir(join(layout.root, '..'))).toEqual(['store']);
  });
});
