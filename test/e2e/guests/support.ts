import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, relative, sep } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test as base, vi } from 'vitest';
import { StoreLayout } from '../../../src/store/layout.js';
import { instanceEntryNames } from '../../../src/store/listing.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { guestImage } from '../../support/guests.js';
import {
  multipass,
  startMultipass,
  type CommandOptions,
  type CommandResult,
  type RunningCommand,
} from '../../support/command.js';
import { leftovers } from '../../support/sound-store.js';

/** A boot of the tiny guest takes about 10 s where nothing else goes on, and the first image has to be built. */
vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 });

type Options = Omit<CommandOptions, 'store'>;

/** A store with real guests in it, and the command to work on it. */
export interface GuestStore {
  readonly layout: StoreLayout;
  /** The tiny guest. */
  readonly image: string;
  /** Runs the command to its end. */
  readonly multipass: (args: readonly string[], options?: Options) => Promise<CommandResult>;
  /** The same, for what must work without a word on stderr. @returns its stdout */
  readonly ok: (args: readonly string[], options?: Options) => Promise<string>;
  /** Starts the command. */
  readonly begin: (args: readonly string[], options?: Options) => RunningCommand;
  /** Launches the tiny guest. */
  readonly launch: (name: string, ...args: readonly string[]) => Promise<string>;
  /** Runs a line of shell in a guest. @returns what it printed, without the last line break */
  readonly sh: (name: string, line: string) => Promise<string>;
  /** What changes with every boot, and with nothing else. */
  readonly bootId: (name: string) => Promise<string>;
}

/** All tests of a file share one store, whose guests are killed at its end, whatever happened. */
export const test = base.extend<{ guests: GuestStore }>({
  guests: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      await withGuestStore(await guestImage('tiny'), {}, async (store) => {
        // What instances share without root has tests of its own.
        await store.ok(['set', 'local.network=user']);
        await use(store);
      });
    },
    { scope: 'file' },
  ],
});

/** Where a guest store is, and as whom. */
export interface StoreOptions {
  /** Default: a new one, whose path means something to the shell, to ssh and to QEMU. */
  readonly root?: string;
  /** What runs every command instead of us. */
  readonly through?: readonly string[];
}

/** Lends a store for guests; at the end everything that runs in it is killed, and it is removed. */
export async function withGuestStore<T>(
  image: string,
  { root, through = [] }: StoreOptions,
  use: (store: GuestStore) => Promise<T>,
): Promise<T> {
  const home = await mkdtemp(join(tmpdir(), 'multipass-ts-guests-'));
  const layout = new StoreLayout(root ?? join(home, 'a store, 100%h "$HOME"'));
  try {
    return await use(guestStore(layout, image, through));
  } finally {
    await killAllIn(layout);
    await rm(home, { recursive: true, force: true });
  }
}

function guestStore(layout: StoreLayout, image: string, through: readonly string[]): GuestStore {
  const withStore = (options: Options = {}): CommandOptions => ({
    store: layout.root,
    through,
    cwd: '/',
    ...options,
  });
  const ok: GuestStore['ok'] = async (args, options) => {
    const { stdout, stderr, exitCode } = await multipass(args, withStore(options));
    expect({ args, stderr, exitCode }).toEqual({ args, stderr: '', exitCode: 0 });
    return stdout;
  };
  const sh: GuestStore['sh'] = async (name, line) =>
    (await ok(['exec', name, '--', 'sh', '-c', line])).replace(/\n$/, '');
  return {
    layout,
    image,
    ok,
    sh,
    multipass: async (args, options) => await multipass(args, withStore(options)),
    begin: (args, options) => startMultipass(args, withStore(options)),
    launch: async (name, ...args) =>
      await ok(['launch', image, '--name', name, '--memory', '512M', ...args]),
    bootId: async (name) => await sh(name, 'cat /proc/sys/kernel/random/boot_id'),
  };
}

/** A process that works in a store. */
export interface StoreProcess {
  readonly pid: number;
  /** The name of its program, which the kernel cuts to 15 letters. */
  readonly program: string;
  /** Its working directory, relative to the store. */
  readonly folder: string;
}

/** The processes whose working directory is in a store: its QEMUs, and every ssh. */
export function processesIn(layout: StoreLayout): StoreProcess[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const folder = relative(layout.root, readlinkSync(`/proc/${pid}/cwd`));
      if (folder.split(sep)[0] === '..' || folder.startsWith(sep)) return [];
      const program = readFileSync(`/proc/${pid}/comm`, 'utf8').trim();
      return [{ pid: Number(pid), program, folder }];
    } catch {
      // It has ended meanwhile, or is none of ours.
      return [];
    }
  });
}

/** The QEMU of an instance. @throws Error when there is none, or several */
export function qemuOf(layout: StoreLayout, name: string): StoreProcess {
  const found = processesIn(layout).filter(
    // A mount's keeper works there, too.
    ({ folder, program }) => folder === `instances/${name}` && program.startsWith('qemu-'),
  );
  const [qemu] = found;
  if (qemu === undefined || found.length > 1) {
    throw new Error(`${found.length} processes work in "${name}"`);
  }
  return qemu;
}

/**
 * Makes sure that there is nothing but the instances named, and no process but the QEMUs of those that run: no helper,
 * nothing staged, in the trash, or locked.
 * @param options.wasKilled true when what a killed command left in `locks/` may be there still: it goes with the next
 *   command that takes that lock
 */
export async function expectNothingLeft(
  layout: StoreLayout,
  states: Readonly<Record<string, 'Running' | 'Stopped' | 'Suspended' | 'Deleted'>> = {},
  { wasKilled = false }: { readonly wasKilled?: boolean } = {},
): Promise<void> {
  const names = instanceEntryNames(layout).toSorted();
  const found = names.map((name) => [name, readInstance(layout, name).state] as const);
  expect(Object.fromEntries(found)).toEqual(states);
  const running = Object.keys(states).filter((name) => states[name] === 'Running');
  // What was told to end may take a moment.
  await vi.waitFor(
    () => {
      const found = processesIn(layout).filter((one) => running.length === 0 || !isHolder(one));
      const places = found.map(({ program, folder }) => `${program} in ${folder}`);
      const expected = running.map((name) => `qemu-system-x86 in instances/${name}`);
      expect(places.toSorted()).toEqual(expected.toSorted());
    },
    { timeout: 5000 },
  );
  const notes = wasKilled ? await readdir(layout.locks) : [];
  expect(await leftovers(layout)).toEqual(notes);
  const macs = names.flatMap((name) =>
    readInstance(layout, name).spec.interfaces.map(({ mac }) => mac.toHex()),
  );
  expect((await readdir(layout.macs)).toSorted()).toEqual(macs.toSorted());
}

/** Who waits for the last guest on the shared network, to end what belongs to that. */
function isHolder({ folder }: StoreProcess): boolean {
  return folder === 'network/shared';
}

/** SIGKILL, for every process that works in a store; who waits for the last of them ends by itself. */
export async function killAllIn(layout: StoreLayout): Promise<void> {
  for (;;) {
    const found = processesIn(layout);
    if (found.length === 0) return;
    for (const one of found) if (!isHolder(one)) kill(one.pid);
    await pause(20);
  }
}

/** SIGKILL, for a process that may have ended. */
export function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
