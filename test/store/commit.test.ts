import { mkdirSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { MultipassError } from '../../src/errors.js';
import { isCommit, readCommit } from '../../src/store/commit.js';
import { publish, type Publishable } from '../../src/store/publish.js';
import { carryOut } from '../../src/store/roll.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { newToken } from '../../src/store/maker-token.js';
import { StagedInstance } from '../../src/store/staging.js';
import { sweep } from '../../src/store/sweep.js';
import { recordText } from '../../src/files/record.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { publishStaged } from '../support/publish-staged.js';
import { test, type Worker } from '../support/worker-fixture.js';

const OPTIONS = { rowsOf: rowsOfFolder };

async function stage(layout: StoreLayout): Promise<StagedInstance> {
  const staged = await StagedInstance.create(layout, 'a-uuid', null);
  await writeFile(staged.spec, JSON.stringify({ uuid: staged.uuid }));
  await writeFile(staged.file('data'), 'data');
  return staged;
}

/** Something that has the name already. */
async function occupy(layout: StoreLayout, name: string): Promise<void> {
  await mkdir(layout.instance(name).path);
  await writeFile(layout.instance(name).file('mine'), 'mine');
}

function commitOf(publish: readonly object[]): string {
  return recordText({ publish });
}

/** Lets processes stage a folder each; tells their tokens, which all have one dead maker when that is killed. */
async function stagedBy(worker: Worker): Promise<string> {
  return (await worker.next()) as string;
}

/** Another token of the process that a token names. */
function sibling(token: string, digit: string): string {
  return token.replace(/[0-9a-f]{16}$/, digit.repeat(16));
}

/** Staged instances with these names; the next one of a name with a number is the next number. */
async function stageAll(layout: StoreLayout, names: readonly string[]): Promise<Publishable[]> {
  const instances: Publishable[] = [];
  for (const name of names) instances.push({ staged: await stage(layout), name });
  return instances;
}

describe('publish', () => {
  test('makes all of them visible, and leaves nothing behind', async ({ store }) => {
    const { layout } = store;
    const names = ['a', 'b', 'c'];
    expect(await publish(layout, await stageAll(layout, names), OPTIONS)).toEqual(names);
    expect(await readdir(layout.instances)).toEqual(names);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('takes back those that were visible when a chosen name is taken', async ({ store }) => {
    const { layout } = store;
    await occupy(layout, 'b');
    const instances = await stageAll(layout, ['a', 'b', 'c']);
    const publishing = publish(layout, instances, OPTIONS);
    await expect(publishing).rejects.toMatchObject({ code: 'NAME_TAKEN', details: { name: 'b' } });
    expect(await readdir(layout.instances)).toEqual(['b']);
    expect(await readdir(layout.instance('b').path)).toEqual(['mine']);
    expect(await readdir(layout.trash)).toEqual([]);
    // Nothing is committed to any more.
    const staged = instances.slice(1).map((one) => one.staged.token);
    expect((await readdir(layout.staging)).toSorted()).toEqual(staged.toSorted());
  });

  test('has decided, durably, before the first is visible and before the first goes', async ({
    store,
  }) => {
    const { layout } = store;
    await occupy(layout, 'b');
    const decisions: string[] = [];
    const noteDecision = (): void => {
      for (const entry of readdirSync(layout.staging).filter(isCommit)) {
        const { decision, publications } = readCommit(layout, entry);
        decisions.push(`${decision} ${publications.map(({ name }) => name).join(' ')}`);
      }
    };
    const [first, second] = await stageAll(layout, ['a', 'b']);
    const nextName = (): string => {
      expect(readdirSync(layout.instances)).toContain('a');
      noteDecision();
      throw new MultipassError('NAME_TAKEN', 'intentional', { hint: 'None.' });
    };
    const rowsOf: typeof rowsOfFolder = (folder) => {
      noteDecision();
      return rowsOfFolder(folder);
    };
    const publishing = publish(layout, [first!, { ...second!, nextName }], { rowsOf });
    await expect(publishing).rejects.toThrow('intentional');
    expect([...new Set(decisions)]).toEqual(['publish a b', 'undo a b']);
    expect(await readdir(layout.instances)).toEqual(['b']);
  });

  test('takes nothing back that is another by now, whatever it is called', async ({ store }) => {
    const { layout } = store;
    await occupy(layout, 'b');
    const [first, ...rest] = await stageAll(layout, ['a', 'b']);
    const moved = layout.instance('elsewhere').path;
    const second = {
      ...rest[0]!,
      // The first is visible when the second looks for another name: a stranger takes its place.
      nextName: (): string => {
        renameSync(layout.instance('a').path, moved);
        mkdirSync(layout.instance('a').path);
        writeFileSync(layout.instance('a').spec, JSON.stringify({ uuid: 'a stranger' }));
        throw new MultipassError('NAME_TAKEN', 'intentional', { hint: 'None.' });
      },
    };
    await expect(publish(layout, [first!, second], OPTIONS)).rejects.toThrow('intentional');
    expect(await readdir(layout.instances)).toEqual(['a', 'b', 'elsewhere']);
    expect(await readdir(layout.instance('a').path)).toEqual(['spec.json']);
  });

  for (const mode of ['exclusive', 'shared'])
    test(`leaves what somebody has begun to use to them (${mode})`, async ({ store, start }) => {
      const { layout } = store;
      await occupy(layout, 'b');
      const [first, ...rest] = await stageAll(layout, ['a', 'b']);
      const second = {
        ...rest[0]!,
        writeName: async (name: string): Promise<void> => {
          if (name === 'b') return;
          await start('lock', ['a', mode]).next();
        },
        nextName: (taken: string): string => {
          if (taken === 'b') return 'c';
          throw new MultipassError('NAME_TAKEN', 'intentional', { hint: 'None.' });
        },
      };
      await occupy(layout, 'c');
      await expect(publish(layout, [first!, second], OPTIONS)).rejects.toThrow('intentional');
      expect(await readdir(layout.instances)).toEqual(['a', 'b', 'c']);
    });

  test('gives an automatic name that is taken the next one that nobody of them has', async ({
    store,
  }) => {
    const { layout } = store;
    for (const name of ['x1', 'x4']) await occupy(layout, name);
    const written: [string, string[]][] = [];
    const instances = (await stageAll(layout, ['x1', 'x2', 'x3'])).map((one) => ({
      ...one,
      stem: 'x',
      nextName: (taken: string) => `x${Number(taken.slice(1)) + 1}`,
      writeName: async (name: string): Promise<void> => {
        // It is still invisible by then.
        written.push([name, await readdir(layout.instances)]);
      },
    }));
    expect(await publish(layout, instances, OPTIONS)).toEqual(['x5', 'x2', 'x3']);
    expect(written.map(([name]) => name)).toEqual(['x1', 'x2', 'x3', 'x4', 'x5']);
    for (const [, seen] of written) expect(seen).toEqual(['x1', 'x4']);
    expect(await readdir(layout.staging)).toEqual([]);
  });
});

describe('a sweep', () => {
  test('finishes what a dead process had committed to', async ({ store, start }) => {
    const { layout } = store;
    const worker = start('stage', ['', '525400000001']);
    const token = await stagedBy(worker);
    await mkdir(layout.staged(sibling(token, '1')));
    await writeFile(join(layout.staged(sibling(token, '1')), 'data'), 'data');
    const publish = [
      { token, name: 'first', stem: null },
      { token: sibling(token, '1'), name: 'second' },
      // Visible already.
      { token: sibling(token, '2'), name: 'third' },
    ];
    await writeFile(layout.staged(`${sibling(token, '3')}.commit`), commitOf(publish));
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances), 'its maker lives').toEqual([]);
    await worker.kill();
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['first', 'second']);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('does not touch the folders of one that dies while it is sweeping', async ({
    store,
    start,
  }) => {
    const { layout } = store;
    const first = start('stage', ['', '525400000001']);
    await stagedBy(first);
    await first.kill();
    const second = start('stage', ['', '525400000002']);
    const token = await stagedBy(second);
    // It commits, and dies, when the sweeper has looked for commits and is at the first folder.
    await sweep(layout, async (folder) => {
      const commit = commitOf([{ token, name: 'saved', stem: null }]);
      await writeFile(layout.staged(`${sibling(token, '1')}.commit`), commit);
      await second.kill();
      return await rowsOfFolder(folder);
    });
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['saved']);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.trash)).toEqual([]);
  });

  test('leaves what cannot be made visible now to the next one', async ({ store, start }) => {
    const { layout } = store;
    const worker = start('stage', ['', '525400000001']);
    const token = await stagedBy(worker);
    await worker.kill();
    const record = `${sibling(token, '1')}.commit`;
    await writeFile(layout.staged(record), commitOf([{ token, name: 'saved', stem: null }]));
    // Nothing can be renamed to where the folder is now: on another file system.
    const elsewhere = await mkdtemp('/dev/shm/multipass-ts-');
    await rm(layout.instances, { recursive: true });
    await symlink(elsewhere, layout.instances);
    await sweep(layout, rowsOfFolder);
    expect((await readdir(layout.staging)).toSorted()).toEqual([token, record].toSorted());
    await rm(layout.instances);
    await rm(elsewhere, { recursive: true });
    await mkdir(layout.instances);
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['saved']);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('gives what it finishes another automatic name when that is taken', async ({
    store,
    start,
  }) => {
    const { layout } = store;
    for (const name of ['x1', 'given']) await occupy(layout, name);
    const worker = start('stage', ['', '525400000001']);
    const token = await stagedBy(worker);
    await worker.kill();
    const second = sibling(token, '1');
    await mkdir(layout.staged(second));
    await writeFile(join(layout.staged(second), 'data'), 'data');
    const publish = [
      { token, name: 'x1', stem: 'x' },
      // Nobody can have another name than the one that was asked for.
      { token: second, name: 'given', stem: null },
    ];
    await writeFile(layout.staged(`${sibling(token, '2')}.commit`), commitOf(publish));
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['given', 'x1', 'x2']);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.instance('given').path)).toEqual(['mine']);
  });

  test('removes a commit that cannot be read, and what it was about', async ({ store, start }) => {
    const { layout } = store;
    const worker = start('stage', ['', '525400000001']);
    const token = await stagedBy(worker);
    await worker.kill();
    const damaged = [
      '{"publish": [',
      commitOf([{ token: '../..', name: 'x' }]),
      commitOf([{ token, name: '../x' }]),
    ];
    for (const [at, text] of damaged.entries()) {
      await writeFile(layout.staged(`${sibling(token, String(at))}.commit`), text);
    }
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual([]);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('asks nobody about commits that are not abandoned', async ({ store }) => {
    const { layout } = store;
    const staged = await stage(layout);
    const record = `${newToken()}.commit`;
    await writeFile(layout.staged(record), commitOf([{ token: staged.token, name: 'mine' }]));
    expect(await carryOut(layout, [], rowsOfFolder)).toEqual(new Set());
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual([]);
    expect((await readdir(layout.staging)).toSorted()).toEqual([staged.token, record].toSorted());
  });
});

describe('a staged instance', () => {
  test('that was published once keeps its MAC rows when its maker gives up', async ({ store }) => {
    const { layout } = store;
    const staged = await StagedInstance.create(layout, 'a-uuid', null);
    await staged.claimMac('525400000001');
    await writeFile(staged.file('data'), 'data');
    await publishStaged(staged, 'web');
    await staged.discard();
    expect(await readdir(layout.macs)).toEqual(['525400000001']);
    expect(await readdir(layout.instance('web').path)).toEqual(['data']);
  });
});
