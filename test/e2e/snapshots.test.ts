import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { StoreLayout } from '../../src/store/layout.js';
import { makeInstance, test as base } from '../support/store-fixture.js';
import { fingerprint } from '../support/fingerprint.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { contentOf, tagsOf, writeData } from '../support/disk-content.js';
import { makeUnfit } from '../support/run-state.js';
import type { CommandResult } from '../support/command.js';
import { multipassInProcess } from '../support/in-process.js';
import { inTerminal, screen } from './support/terminal.js';

interface Unfit {
  readonly layout: StoreLayout;
  readonly web: InstanceDir;
}

const test = base.extend<{ mp: (...args: string[]) => Promise<CommandResult>; unfit: Unfit }>({
  mp: async ({ store }, use) => {
    await use((...args) => multipassInProcess(args, store.layout));
  },
  // For refusals, which change nothing: one store for all of them.
  unfit: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
      const layout = new StoreLayout(join(folder, 'store'));
      await initialiseStore(layout);
      const ends: (() => void)[] = [];
      await makeUnfit(layout, (end) => void ends.push(end));
      const web = await makeInstance(layout, 'web', { tags: 1 });
      for (const name of ['web', 'running', 'asleep']) {
        await writeSnapshot(layout.instance(name), snapshotRecord(1));
      }
      await use({ layout, web });
      for (const end of ends) end();
      await rm(folder, { recursive: true, force: true });
    },
    { scope: 'file' },
  ],
});

function ok(stdout = ''): CommandResult {
  return { stdout, stderr: '', exitCode: 0 };
}

describe('snapshot', () => {
  test('takes one, and says which', async ({ store, mp }) => {
    const dir = await makeInstance(store.layout, 'web');
    expect(await mp('snapshot', 'web')).toEqual(ok('Snapshot taken: web.snapshot1\n'));
    expect(await mp('snapshot', 'web', '-n', 'b', '-m', 'one, "two"')).toEqual(
      ok('Snapshot taken: web.b\n'),
    );
    expect(await mp('snapshot', '--name', 'c', '-c', 'three', 'web')).toEqual(
      ok('Snapshot taken: web.c\n'),
    );
    expect(tagsOf(dir)).toEqual(['@s1', '@s2', '@s3']);
    expect((await mp('list', '--snapshots', '--format', 'csv')).stdout).toBe(
      'Instance,Snapshot,Parent,Comment\nweb,snapshot1,,""\nweb,b,snapshot1,"one, ""two"""\nweb,c,b,"three"\n',
    );
    const { info } = JSON.parse((await mp('info', 'web.b', '--format', 'json')).stdout) as {
      info: Record<string, { snapshots: Record<string, object> }>;
    };
    expect(info['web']!.snapshots).toMatchObject({
      b: { parent: 'snapshot1', children: ['c'], comment: 'one, "two"', cpu_count: '1' },
    });
    expect((await mp('info', 'web')).stdout).toMatch(/^Snapshots: {6}3$/m);
  });

  test.for<[args: string, exitCode: number, stderr: RegExp]>([
    ['snapshot', 1, /^Please provide the name of the instance\.\n$/],
    ['snapshot web x', 1, /^Too many arguments\.\n$/],
    ['snapshot nope', 2, /^snapshot failed: instance "nope" does not exist\n/],
    ['snapshot gone', 2, /^snapshot failed: instance "gone" is deleted\n/],
    ['snapshot web.x', 2, /^snapshot failed: instance "web\.x" does not exist\n/],
    ['snapshot web -n 1', 2, /^snapshot failed: Invalid snapshot name: "1"\.\n/],
    ['snapshot web -n snapshot1', 2, /^snapshot failed: Snapshot already exists: web\.snapshot1\n/],
    [
      'snapshot running',
      2,
      /^snapshot failed: Multipass can only take snapshots of stopped instances\.\n {2}hint: "running" is running/,
    ],
    ['snapshot asleep', 2, /^snapshot failed: Multipass can only take snapshots of stopped/],
    ['restore', 1, /^Invalid format\. Please specify the instance to restore and snapshot to use/],
    ['restore web', 1, /in the form <instance>\.<snapshot>\.\n$/],
    ['restore web.a.b', 1, /^Invalid format\./],
    ['restore web.x -d', 2, /^restore failed: No such snapshot: web\.x\n/],
    ['restore nope.x -d', 2, /^restore failed: instance "nope" does not exist\n/],
    ['restore web.snapshot1', 1, /no terminal\. Use --destructive to discard it/],
    [
      'restore asleep.snapshot1 -d',
      2,
      /^restore failed: Multipass can only restore snapshots of stopped instances\.\n/,
    ],
    ['delete web.snapshot1', 1, /^Snapshots can only be purged \(after deletion, they cannot/],
    ['delete web.x --purge', 2, /^delete failed: No such snapshot: web\.x\n/],
    [
      'delete web gone.x gone.y -p',
      2,
      /^delete failed: Cannot delete snapshots of deleted instances: gone\.x, gone\.y\n/,
    ],
    ['delete running.x -p', 2, /^delete failed: No such snapshot: running\.x\n/],
  ])('and the others refuse: %s', async ([args, exitCode, said], { unfit }) => {
    const { web } = unfit;
    const before = await fingerprint(unfit.layout.instances);
    const { stderr, ...rest } = await multipassInProcess(args.split(' '), unfit.layout);
    expect(rest).toEqual({ stdout: '', exitCode });
    expect(`${stderr.trimEnd()}\n`).toMatch(said);
    expect(await fingerprint(unfit.layout.instances)).toEqual(before);
    expect(tagsOf(web)).toEqual(['@s1']);
  });
});

describe('restore', () => {
  test('discards the present state when it is told to', async ({ store, mp }) => {
    const dir = await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web');
    const before = await contentOf(dir);
    await writeData(dir, 5);
    const restored = ok('Snapshot restored: web.snapshot1\n');
    expect(await mp('restore', '--destructive', 'web.snapshot1')).toEqual(restored);
    expect(await contentOf(dir)).toBe(before);
    expect(tagsOf(dir)).toEqual(['@s1']);
  });

  test('tells of the MAC address that had to change', async ({ store, mp }) => {
    await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web');
    const { spec } = await store.get('web');
    await makeInstance(store.layout, 'other', { spec: { interfaces: spec.interfaces } });
    const { stderr, exitCode } = await mp('restore', '-d', 'web.snapshot1');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: the MAC address \S+ belongs to another instance: interface/);
  });

  test.for([
    ['\n', 'kept'],
    ['yes\n', 'kept'],
    ['what?\nNO\n', 'lost'],
  ] as const)('asks on a terminal: %j', async ([keys, fate], { store, mp }) => {
    const dir = await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web', '-n', 'old');
    await writeData(dir, 5);
    const present = await contentOf(dir);
    const session = inTerminal('restore web.old', { store: store.root });
    const question =
      'Do you want to take a snapshot of web before discarding its current state? (Yes/no): ';
    await session.sees(/\(Yes\/no\): $/);
    const lines = keys.split('\n').slice(0, -1);
    for (const [at, line] of lines.entries()) {
      if (at > 0) await session.sees(/Please answer Yes\/no: $/);
      session.type(`${line}\n`);
    }
    expect(await session.exitCode).toBe(0);
    const said = screen(session.written());
    expect(said[0]).toMatch(question.slice(0, 50));
    expect(said.at(-1)).toBe('Snapshot restored: web.old');
    expect(said.includes('Snapshot taken: web.snapshot1')).toBe(fate === 'kept');
    expect(tagsOf(dir)).toEqual(fate === 'kept' ? ['@s1', '@s2'] : ['@s1']);
    if (fate === 'kept') expect(await contentOf(dir, '@s2')).toBe(present);
    const { stdout } = await mp('list', '--snapshots');
    expect(stdout.includes('Before restoring old')).toBe(fate === 'kept');
  });

  test('changes nothing when the terminal has no answer, or at Ctrl-C', async ({ store, mp }) => {
    const dir = await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web');
    await writeData(dir, 5);
    const spec = await readFile(dir.spec, 'utf8');
    for (const [keys, exitCode] of [
      ['\u0004', 2],
      ['\u0003', 130],
    ] as const) {
      const session = inTerminal('restore web.snapshot1', { store: store.root });
      await session.sees(/\(Yes\/no\): $/);
      // Nobody has to wait for who thinks it over.
      await mp('set', 'local.web.cpus=1');
      session.type(keys);
      expect(await session.exitCode).toBe(exitCode);
      expect(await readFile(dir.spec, 'utf8')).toBe(spec);
    }
  });
});

describe('delete', () => {
  test('purges snapshots, several at once and beside instances', async ({ store, mp }) => {
    const web = await makeInstance(store.layout, 'web');
    const db = await makeInstance(store.layout, 'db');
    await makeInstance(store.layout, 'old');
    for (const name of ['web', 'web', 'web', 'db']) await mp('snapshot', name);
    const args = ['web.snapshot2', 'old', 'db.snapshot1', 'web.snapshot3'];
    expect(await mp('delete', '--purge', ...args)).toEqual(ok());
    expect([tagsOf(web), tagsOf(db)]).toEqual([['@s1'], []]);
    const names = (await store.list()).map(({ name }) => name);
    expect(names).toEqual(['db', 'web']);
    expect((await store.get('web')).spec.snapshotHead).toBe(1);
  });

  test('goes on after one that fails', async ({ store, mp }) => {
    const web = await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web');
    const result = await mp('delete', '-p', 'web.x', 'nope.y', 'web.snapshot1');
    expect(result.exitCode).toBe(2);
    expect(result.stderr).toContain(
      'The following errors occurred:\nNo such snapshot: web.x\ninstance "nope" does not exist\n',
    );
    expect(tagsOf(web)).toEqual([]);
  });

  test('warns of a record whose state is lost', async ({ store, mp }) => {
    const web = await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web');
    await run('qemu-img', ['snapshot', '-d', '@s1', web.disk]);
    const { stderr, exitCode } = await mp('delete', '-p', 'web.snapshot1');
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: the disk of "web" did not hold the snapshot "snapshot1"/);
    expect((await store.get('web')).snapshots()).toEqual([]);
  });

  test.for([
    ['yes', 0, []],
    ['no', 2, ['@s1']],
  ] as const)('asks on a terminal: %s', async ([answer, exitCode, tags], { store, mp }) => {
    const web = await makeInstance(store.layout, 'web');
    await makeInstance(store.layout, 'db');
    await mp('snapshot', 'web');
    const session = inTerminal('delete web.snapshot1 db', { store: store.root });
    await session.sees(/\(Yes\/no\): $/);
    session.type(`${answer}\n`);
    expect(await session.exitCode).toBe(exitCode);
    expect(tagsOf(web)).toEqual(tags);
    expect(session.written()).toContain('Are you sure you want to continue? (Yes/no): ');
    expect(session.written().includes('delete failed: Cancelled.')).toBe(answer === 'no');
    // The instance beside it is only deleted, as ever without --purge.
    expect((await store.get('db')).state).toBe(answer === 'yes' ? 'Deleted' : 'Stopped');
  });
});

describe('what is in a disk without a record', () => {
  test('is told where snapshots are shown, and nowhere else', async ({ store, mp }) => {
    const dir = await makeInstance(store.layout, 'web', {
      tags: 1,
      otherTags: ['mine', 'suspend'],
    });
    const notes = ['@s1', 'mine'].map(
      (tag) =>
        `note: the disk of "web" holds a snapshot "${tag}" that has no record; it was left alone\n`,
    );
    const told = { ...ok('No snapshots found.\n'), stderr: notes.join('') };
    for (const words of ['list --snapshots', 'info --snapshots web', 'info --snapshots']) {
      expect(await mp(...words.split(' ')), words).toEqual(told);
    }
    expect((await mp('list')).stderr).toBe('');
    expect((await mp('info', 'web')).stderr).toBe('');
    await writeSnapshot(dir, snapshotRecord(1));
    expect((await mp('list', '--snapshots')).stderr).toBe(notes[1]);
    // One that is about to go is none.
    const pending = {
      operation: 'delete-snapshot',
      arguments: { tag: '@s1' },
      records: { 'snapshots/0001.json': null },
    };
    await writeFile(dir.pending, JSON.stringify(pending));
    expect((await mp('list', '--snapshots')).stderr).toBe(notes[1]);
    expect(tagsOf(dir)).toEqual(['@s1', 'mine', 'suspend']);
  });
});
