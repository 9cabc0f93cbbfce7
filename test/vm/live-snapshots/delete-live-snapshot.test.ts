import { describe, expect } from 'vitest';
import { replaceRecord } from '../../../src/files/record.js';
import { run } from '../../../src/process/run.js';
import { activeHead } from '../../../src/qemu/active-head.js';
import { runStateOf } from '../../../src/qemu/run-state.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { encodePending } from '../../../src/vm/records/pending-record.js';
import { endLive } from '../../../src/vm/run/end-live.js';
import type { VirtualMachine } from '../../../src/vm/virtual-machine.js';
import {
  bootBlank,
  expectPattern,
  killQemu,
  withQmp,
  writeAsGuest,
} from '../../support/blank-machine.js';
import { tagsOf } from '../../support/disk-content.js';
import { BEFORE, OVER, REST, test, type RunningWeb } from '../../support/running-web.js';

async function deleteByQemu({ dir }: Pick<RunningWeb, 'dir'>, name: string): Promise<void> {
  await withQmp(dir, async (client) => {
    const { node: device } = await activeHead(client);
    await client.execute('blockdev-snapshot-delete-internal-sync', { device, name });
  });
}

/** What is on record while a snapshot of a running instance is being deleted. */
async function begin({ dir }: Pick<RunningWeb, 'dir'>, tag: string): Promise<void> {
  const step = { operation: 'live-delete', tag, resume: true, thaw: false } as const;
  await replaceRecord(dir.pending, encodePending({ step, spec: null, snapshots: new Map() }));
}

const treeOf = (web: VirtualMachine): (string | null)[][] =>
  web.snapshots().map((one) => [one.record.name, one.parent]);

/** Three snapshots, one upon the other, each with another byte in its disk; the head is the third one's. */
async function takeThree(web: VirtualMachine, { dir }: RunningWeb): Promise<void> {
  for (const name of ['a', 'b', 'c']) {
    await writeAsGuest(dir, { ...OVER, pattern: name.charCodeAt(0) });
    await web.snapshot({ name, live: true });
  }
}

async function expectIn(dir: RunningWeb['dir'], name: string): Promise<void> {
  await expectPattern(dir.disk, { ...OVER, pattern: name.charCodeAt(0) });
  await expectPattern(dir.disk, REST);
}

describe('a snapshot of a running instance that is deleted', () => {
  test("is gone, its children are its parent's, and the guest runs on", async ({
    runWeb,
    store,
  }) => {
    const running = await runWeb();
    const { dir, layout } = running;
    const web = await store.get('web');
    await takeThree(web, running);
    await web.deleteSnapshot('b');
    expect(treeOf(web)).toEqual([
      ['a', null],
      ['c', 'a'],
    ]);
    expect(web.spec.snapshotHead).toBe(3);
    await web.deleteSnapshot('c');
    expect(treeOf(web)).toEqual([['a', null]]);
    expect(readInstance(layout, 'web').spec.snapshotHead).toBe(1);
    expect(await withQmp(dir, runStateOf)).toBe('running');
    expect((await withQmp(dir, activeHead)).tags).toEqual(['@s1']);
    await writeAsGuest(dir, BEFORE);
    await killQemu(dir);
    await run('qemu-img', ['check', '-q', dir.disk]);
    await expectPattern(dir.disk, BEFORE);
    await web.restore('a');
    await expectIn(dir, 'a');
  });

  test('may hold memory, and stand on a head of a live clone', async ({ runWeb, store }) => {
    const { dir, layout } = await runWeb();
    const web = await store.get('web');
    await web.clone('first', { live: true, linked: true });
    await web.snapshot({ name: 'hot', live: true, memory: true });
    const before = (await run('qemu-img', ['snapshot', '-lU', dir.disk])).stdout;
    expect(before).toContain('@s1');
    await web.deleteSnapshot('hot');
    expect(web.snapshots()).toEqual([]);
    await web.clone('second', { live: true, linked: true });
    await killQemu(dir);
    expect(tagsOf(dir)).toEqual([]);
    await run('qemu-img', ['check', '-q', dir.disk]);
    for (const name of ['first', 'second']) {
      await expectPattern(layout.instance(name).disk, BEFORE);
    }
  });

  test('whose state the disk has lost leaves with a warning', async ({ runWeb, store }) => {
    const running = await runWeb();
    const web = await store.get('web');
    await web.snapshot({ name: 'a', live: true });
    await deleteByQemu(running, '@s1');
    const warnings: string[] = [];
    await web.deleteSnapshot('a', { work: { onWarning: (text) => warnings.push(text) } });
    expect(warnings).toEqual([
      'the disk of "web" did not hold the snapshot "a" (@s1) any more: only its record was deleted',
    ]);
    expect(web.snapshots()).toEqual([]);
  });

  test('that is not there is refused', async ({ runWeb, store }) => {
    const { dir } = await runWeb();
    const web = await store.get('web');
    await web.snapshot({ name: 'a', live: true });
    const deleting = web.deleteSnapshot('b');
    await expect(deleting).rejects.toMatchObject({ code: 'SNAPSHOT_NOT_FOUND' });
    expect((await withQmp(dir, activeHead)).tags).toEqual(['@s1']);
  });
});

describe("a deletion of a running instance's snapshot that was left half done", () => {
  test.for([
    ['before QEMU did it', false],
    ['after QEMU did it', true],
  ] as const)('%s is ended by the guard', async ([, isDone], { runWeb, store, root }) => {
    const running = await runWeb();
    const web = await store.get('web');
    await takeThree(web, running);
    await begin(running, '@s3');
    if (isDone) await deleteByQemu(running, '@s3');
    await endLive(root, 'web');
    expect(treeOf(web)).toEqual([['a', null], ['b', 'a'], ...(isDone ? [] : [['c', 'b']])]);
    expect(readInstance(running.layout, 'web')).toMatchObject({
      pending: undefined,
      spec: { snapshotHead: isDone ? 2 : 3 },
    });
  });

  test.for([
    ['before QEMU did it', false],
    ['after QEMU did it', true],
  ] as const)('%s, with QEMU gone, by the next command', async ([, isDone], { runWeb, store }) => {
    const running = await runWeb();
    const { dir, layout } = running;
    const web = await store.get('web');
    await takeThree(web, running);
    await begin(running, '@s2');
    if (isDone) await deleteByQemu(running, '@s2');
    await killQemu(dir);
    await web.restore('c');
    const rest = isDone
      ? [['c', 'a']]
      : [
          ['b', 'a'],
          ['c', 'b'],
        ];
    expect(treeOf(web)).toEqual([['a', null], ...rest]);
    await expectIn(dir, 'c');
    await run('qemu-img', ['check', '-q', dir.disk]);
    await bootBlank(layout, 'web');
    await web.deleteSnapshot('a');
    expect(treeOf(web)[0]).toEqual([isDone ? 'c' : 'b', null]);
  });
});
