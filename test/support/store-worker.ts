/** A process of its own that works on a store: `node <this> <job> <root> <argument>…`. See worker-fixture.ts. */
import { randomUUID } from 'node:crypto';
import { copyFile, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MultipassError } from '../../src/errors.js';
import { initialiseStore } from '../../src/store/format.js';
import { HolderNote } from '../../src/store/lock-holders.js';
import { StoreLayout } from '../../src/store/layout.js';
import { InstanceLock, type LockRequest } from '../../src/store/lock.js';
import { newToken } from '../../src/store/maker-token.js';
import { createFile, replaceFile } from '../../src/files/draft.js';
import { readRecord, replaceRecord, writeNewRecord } from '../../src/files/record.js';
import { syncTree } from '../../src/files/sync.js';
import { publish } from '../../src/store/publish.js';
import { StagedInstance } from '../../src/store/staging.js';
import { sweep } from '../../src/store/sweep.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { deleteInstance, purgeInstance, recoverInstance } from '../../src/vm/delete-instance.js';
import { listInstances } from '../../src/vm/list-instances.js';
import { rebuildMacTable, rowsOfFolder } from '../../src/vm/macs.js';
import { renameInstance } from '../../src/vm/rename-instance.js';
import { VirtualMachineStore } from '../../src/vm/virtual-machine-store.js';
import { publishStaged } from './publish-staged.js';
import { churn } from './churn.js';

/** What a job is given: its store, its arguments, and the line to the test. */
interface Desk {
  readonly layout: StoreLayout;
  readonly args: readonly string[];
  readonly tell: (message: unknown) => void;
  readonly told: () => Promise<void>;
}

const JOBS = {
  /** Makes ephemeral clones of an instance; tells their names. */
  async ephemeral({ layout, args: [source = '', count = '1'], tell, told }: Desk) {
    const vm = await new VirtualMachineStore(layout).get(source);
    const clones = await vm.cloneMany(Number(count), undefined, { ephemeral: true, linked: true });
    tell(clones.map(({ name }) => name));
    await told();
  },

  /** Claims each of the rows named for an instance of its own; tells those it got, and its uuid. */
  async claim({ layout, args, tell, told }: Desk) {
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    tell('ready');
    await told();
    const got: string[] = [];
    for (const hex of args) if (await staged.claimMac(hex)) got.push(hex);
    tell({ uuid: staged.uuid, got });
    await told();
  },

  /** Claims a row for another instance. */
  async claimFor({ layout, args: [hex = ''] }: Desk) {
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    await staged.claimMac(hex, { uuid: 'of-another', inode: undefined });
  },

  /** Claims a port. */
  async claimPort({ layout, args: [row = ''] }: Desk) {
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    await staged.claimPort(row, rowsOfFolder);
  },

  /** Publishes an instance under a name, or under the next one when that is taken; a file of it holds the name. */
  async publishNext({ layout, args: [name = '', next = ''] }: Desk) {
    const staged = await StagedInstance.create(layout, randomUUID(), null);
    const writeName = (given: string): Promise<void> => writeFile(staged.file('name'), given);
    await publish(layout, [{ staged, name, writeName, nextName: () => next }], {
      rowsOf: rowsOfFolder,
    });
  },

  /** Stages an instance with a MAC row, a wish and some data; tells its token, and waits. */
  async stage({ layout, args: [wish = 'wish', hex = '525400000001'], tell, told }: Desk) {
    const staged = await StagedInstance.create(layout, randomUUID(), wish);
    await staged.claimMac(hex);
    await mkdir(staged.snapshots);
    await writeFile(staged.disk, 'half a disk');
    tell(staged.token);
    await told();
  },

  /** Makes a folder and all that is in it durable. */
  async syncTree({ layout, args: [folder = ''] }: Desk) {
    await syncTree(join(layout.root, folder));
  },

  /** Notes that something is being done to an instance, and waits. */
  async note({ layout, args: [name = '', purpose = ''], tell, told }: Desk) {
    await using note = await HolderNote.write(layout, name, purpose);
    tell('noted');
    await told();
  },

  /** Moves an instance into the trash, tells its token there, and waits: purge killed in the middle. */
  async trash({ layout, args: [name = ''], tell, told }: Desk) {
    const token = newToken();
    await rename(layout.instance(name).path, layout.trashed(token));
    tell(token);
    await told();
  },

  /** Publishes copies of an instance, each with a uuid of its own, as `<prefix>0`, `<prefix>1`, … */
  async publish({ layout, args: [source = '', prefix = '', count = '0'], tell }: Desk) {
    const from = layout.instance(source);
    const spec = readRecord(from.spec).object();
    for (let number = 0; number < Number(count); number += 1) {
      const uuid = randomUUID();
      const staged = await StagedInstance.create(layout, uuid, null);
      await writeNewRecord(staged.spec, { ...spec, uuid });
      await copyFile(from.imageRecord, staged.imageRecord);
      await copyFile(from.disk, staged.disk);
      await publishStaged(staged, `${prefix}${number}`);
    }
    tell('done');
  },

  /** Renames instances to and fro, `a` to `a-moved` and back, one every few ms, until it is told to stop. */
  async rename({ layout, args: [pace = '', ...names], tell, told }: Desk) {
    tell('ready');
    const stop = told().then(() => 'stop' as const);
    for (let moved = false; ; moved = !moved) {
      for (const name of names) {
        const there = layout.instance(`${name}-moved`).path;
        const here = layout.instance(name).path;
        await (moved ? rename(there, here) : rename(here, there));
        if ((await Promise.race([stop, pause(Number(pace))])) === 'stop') return;
      }
    }
  },

  /** Takes a lock, tells that it holds it, and releases it when told. */
  async lock({ layout, args: [name = '', mode = 'exclusive'], tell, told }: Desk) {
    const lock = await InstanceLock.take(layout, name, requestOf(mode, 'test'));
    tell('held');
    await told();
    await lock.release();
    tell('released');
  },

  /** Takes an exclusive lock again and again; tells how often another was inside at the same time. */
  async contend({ layout, args: [name = '', rounds = '0'], tell, told }: Desk) {
    const inside = join(layout.root, 'inside');
    let intruders = 0;
    tell('ready');
    await told();
    for (let round = 0; round < Number(rounds); round += 1) {
      await using held = await InstanceLock.take(layout, name, requestOf('exclusive', 'contend'));
      await mkdir(inside).catch(() => (intruders += 1));
      await pause(5);
      await rm(inside, { recursive: true, force: true });
      held.assertHeld();
    }
    tell(intruders);
  },

  async prepare({ layout, tell }: Desk) {
    await initialiseStore(layout);
    tell('prepared');
  },

  async sweep({ layout, tell, told }: Desk) {
    tell('ready');
    await told();
    await sweep(layout, rowsOfFolder);
    tell('swept');
  },

  /** Replaces a record, replaces a file, and makes a new one, in the root of the store. */
  async writeFiles({ layout }: Desk) {
    const path = (name: string): string => join(layout.root, name);
    await replaceRecord(path('record.json'), { a: 1 });
    await replaceFile(path('file'), 'new');
    const make = (draft: string): Promise<void> => writeFile(draft, 'made');
    await createFile(path('made'), { draft: path('made.draft'), doing: 'make it', make });
  },

  async rebuild({ layout, tell, told }: Desk) {
    tell('ready');
    await told();
    await rebuildMacTable(layout);
    tell('rebuilt');
  },

  /** Lists, with no more rights than the modes of the files give. */
  async list({ layout, tell }: Desk) {
    giveUpBeingRoot();
    tell((await listInstances(layout)).map((view) => [view.name, view.state]));
  },

  /** Changes an instance, with no more rights than the modes of the files give. */
  async change({ layout, args: [command = '', name = ''] }: Desk) {
    giveUpBeingRoot();
    await CHANGES[command]?.(layout, name);
  },

  /** Changes an instance. */
  async perform({ layout, args: [command = '', name = ''] }: Desk) {
    await CHANGES[command]?.(layout, name);
  },

  /** Clones, renames, flattens and purges for so many rounds; tells that it has begun, and what it has done. */
  async churn({ layout, args: [seed = '1', rounds = '0'], tell, told }: Desk) {
    tell('ready');
    await told();
    tell(await churn({ layout, seed: Number(seed), rounds: Number(rounds) }));
  },

  /** Tells its own token, then waits. */
  async idle({ tell, told }: Desk) {
    tell(newToken());
    await told();
  },
} as const satisfies Record<string, (desk: Desk) => Promise<void>>;

const CHANGES: Readonly<Record<string, (layout: StoreLayout, name: string) => Promise<unknown>>> = {
  clone: (layout, source) => cloneInstance({ layout, source, name: 'copy' }),
  cloneLinked: (layout, source) => cloneInstance({ layout, source, name: 'copy', linked: true }),
  rename: (layout, name) => renameInstance({ layout, name, newName: 'data' }),
  delete: deleteInstance,
  recover: recoverInstance,
  purge: purgeInstance,
};

export type Job = keyof typeof JOBS;

function giveUpBeingRoot(): void {
  if (process.getuid?.() !== 0) return;
  process.setgroups?.([]);
  process.setgid?.(65_534);
  process.setuid?.(65_534);
}

/** The code of a failure first, as no stack goes through the line. */
function describeFailure(error: unknown): string {
  const code = error instanceof MultipassError ? error.code : 'a bug';
  return `${code}: ${String(error)}`;
}

function requestOf(mode: string, purpose: string): LockRequest {
  return { mode: mode === 'shared' ? 'shared' : 'exclusive', purpose };
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

const [job = '', root = '', ...args] = process.argv.slice(2);
const tell = (message: unknown): boolean | undefined => process.send?.(message);
await JOBS[job as Job]({
  layout: new StoreLayout(root),
  args,
  tell,
  // By itself, without a test at the other end, it goes on at once.
  told: () =>
    new Promise((resolve) => {
      if (process.connected) process.once('message', () => resolve());
      else resolve();
    }),
}).catch((error: unknown) => tell({ failed: describeFailure(error) }));
if (process.connected) process.disconnect();
