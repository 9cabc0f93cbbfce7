import { mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readLegacySnapshots } from '../../../src/store/legacy/snapshot-files.js';

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'snapshots-'));
});
afterEach(async () => {
  await rm(dir, { recursive: true });
});

const WHOLE = {
  name: 'before-upgrade',
  comment: 'all "well"',
  parent: 0,
  cloud_init_instance_id: 'web_e',
  index: 1,
  creation_timestamp: '2024-03-05T10:11:12.013Z',
  num_cores: 2,
  mem_size: '1073741824',
  disk_space: '5368709120',
  extra_interfaces: [{ auto_mode: true, id: 'en0', mac_address: '52:54:00:aa:00:01' }],
  state: 0,
  mounts: [{ source_path: '/src', target_path: '/dst', mount_type: 0 }],
  metadata: { arguments: ['-smp', '2'], machine_type: 'pc' },
};

function fileOf(index: number): string {
  return `${String(index).padStart(4, '0')}.snapshot.json`;
}

async function put(index: number, changes: object = {}, fileName = fileOf(index)): Promise<void> {
  const snapshot = { ...WHOLE, name: `snapshot${index}`, index, ...changes };
  await writeFile(join(dir, fileName), JSON.stringify({ snapshot }, null, 4));
}

async function putState(head: string, count: string): Promise<void> {
  await writeFile(join(dir, 'snapshot-head'), head);
  await writeFile(join(dir, 'snapshot-count'), count);
}

async function parents(): Promise<Record<number, number>> {
  const { snapshots } = await readLegacySnapshots(dir);
  return Object.fromEntries(snapshots.map(({ index, parent }) => [index, parent]));
}

describe('readLegacySnapshots', () => {
  it('reads a snapshot of 1.14 and later', async () => {
    await put(1, WHOLE);
    await putState('1\n', '1\n');
    expect(await readLegacySnapshots(dir)).toEqual({
      snapshots: [
        {
          index: 1,
          name: 'before-upgrade',
          comment: 'all "well"',
          parent: 0,
          created: '2024-03-05T10:11:12.013Z',
          cpus: 2,
          memory: 2 ** 30,
          disk: 5 * 2 ** 30,
          extraInterfaces: [{ id: 'en0', mac: '52:54:00:aa:00:01', auto: true }],
          mounts: [
            { source: '/src', target: '/dst', type: 'classic', uidMappings: [], gidMappings: [] },
          ],
          instanceId: 'web_e',
          metadataArguments: ['-smp', '2'],
        },
      ],
      head: 1,
      count: 1,
      warnings: [],
    });
  });

  it('tells a snapshot of 1.13 by the absence of interfaces and instance-id', async () => {
    await put(1, { extra_interfaces: undefined, cloud_init_instance_id: undefined });
    await putState('1', '1');
    const { snapshots, warnings } = await readLegacySnapshots(dir);
    expect(snapshots[0]).toMatchObject({ extraInterfaces: null, instanceId: null });
    expect(warnings).toEqual([]);
  });

  it('finds none in a folder without any, or that is not there', async () => {
    const none = { snapshots: [], head: null, count: null, warnings: [] };
    expect(await readLegacySnapshots(dir)).toEqual(none);
    expect(await readLegacySnapshots(join(dir, 'none'))).toEqual(none);
  });

  it('sorts by index, and keeps gaps, and the parents', async () => {
    await put(10, { parent: 2 });
    await put(2);
    await put(7, { parent: 2 });
    await putState('7', '12');
    expect(await parents()).toEqual({ 2: 0, 7: 2, 10: 2 });
    expect(await readLegacySnapshots(dir)).toMatchObject({ head: 7, count: 12, warnings: [] });
  });

  it('reports broken files, leaves them out, and lets their children have no parent', async () => {
    await put(1);
    await writeFile(join(dir, fileOf(2)), '{"snapshot": {"name": "snapsh');
    await writeFile(join(dir, fileOf(3)), '');
    await writeFile(join(dir, fileOf(4)), '{"snapshot": []}');
    await writeFile(join(dir, `${fileOf(5)}.lock`), 'x');
    await put(6, { parent: 2 });
    await putState('2', '6');
    const { snapshots, head, warnings } = await readLegacySnapshots(dir);
    expect(snapshots.map(({ index, parent }) => [index, parent])).toEqual([
      [1, 0],
      [6, 0],
    ]);
    expect(head).toBeNull();
    expect(warnings).toEqual([
      '0002.snapshot.json: no complete snapshot in it; left out',
      '0003.snapshot.json: no complete snapshot in it; left out',
      '0004.snapshot.json: no complete snapshot in it; left out',
      'snapshot "snapshot6": its parent, number 2, does not exist; it gets none',
      'snapshot-head: expected the index of a snapshot, found 2',
    ]);
  });

  it('keeps a complete snapshot whose file has NULs behind its end', async () => {
    const text = JSON.stringify({ snapshot: WHOLE }, null, 4);
    await writeFile(join(dir, fileOf(1)), `${text}\0\0\0`);
    expect((await readLegacySnapshots(dir)).snapshots).toHaveLength(1);
  });

  it('leaves no cycle, whatever the parents are', async () => {
    const anyParents = fc.array(fc.nat({ max: 7 }), { minLength: 6, maxLength: 6 });
    await fc.assert(
      fc.asyncProperty(anyParents, async (given) => {
        for (const [at, parent] of given.entries()) await put(at + 1, { parent });
        const found = await parents();
        for (const index of Object.keys(found).map(Number)) {
          expect(found[index]).toBeLessThan(index);
          const wanted = given[index - 1]!;
          expect(found[index]).toBe(wanted < index ? wanted : 0);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('says that a cycle was broken', async () => {
    await put(1, { parent: 2 });
    await put(2, { parent: 1 });
    await putState('2', '2');
    expect(await parents()).toEqual({ 1: 0, 2: 1 });
    const { warnings } = await readLegacySnapshots(dir);
    expect(warnings).toEqual([
      'snapshot "snapshot1": its parent, number 2, is not older; it gets none',
    ]);
  });

  it('keeps the first of two files with the same index', async () => {
    await put(1);
    await put(1, { name: 'again' }, fileOf(2));
    const { snapshots, warnings } = await readLegacySnapshots(dir);
    expect(snapshots.map(({ name }) => name)).toEqual(['snapshot1']);
    expect(warnings[0]).toContain('0002.snapshot.json');
  });

  it('takes the index from the file’s name, the name from the index and the time from the file', async () => {
    await put(3, { index: undefined, name: '', creation_timestamp: 'yesterday' });
    await utimes(join(dir, fileOf(3)), 1_700_000_000, 1_700_000_000);
    const { snapshots, warnings } = await readLegacySnapshots(dir);
    const created = '2023-11-14T22:13:20.000Z';
    expect(snapshots[0]).toMatchObject({ index: 3, name: 'snapshot3', created });
    expect(warnings.slice(0, 2)).toEqual([
      '0003.snapshot.json: name: expected a name, found ""',
      '0003.snapshot.json: creation_timestamp: expected a time, found "yesterday"',
    ]);
  });

  it.each(['', 'x', '-1', '1.5', '\0\0', '99999999999'])(
    'takes a head of %j for none',
    async (text) => {
      await put(1);
      await putState(text, text);
      expect(await readLegacySnapshots(dir)).toMatchObject({ head: null, count: null });
    },
  );

  it('takes a head of 0 for an answer', async () => {
    await put(1);
    await putState('0\n', '1\n');
    expect(await readLegacySnapshots(dir)).toMatchObject({ head: 0, count: 1, warnings: [] });
  });
});
