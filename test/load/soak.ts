import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { openStore, type VirtualMachine, type VirtualMachineStore } from '../../src/index.js';
import { run } from '../../src/process/run.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { makeCrowdedStore, nameOf } from '../bench/stores.js';
import type { Load } from './figures.js';
import { measuredRun } from './measured-run.js';

/** Who works side by side: some by the library, in this process, some by the command. */
const WORKERS = { library: 3, command: 1 };
const INSTANCES = 20;

/** Mixed work for some minutes, after which everything is as it was before. */
export async function loadSoak(load: Load): Promise<void> {
  const { folder, minutes, say, tell } = load;
  const layout = await makeCrowdedStore(join(folder, 'store'), INSTANCES);
  const store = openStore(layout.root);
  await rounds(load, store, performance.now() + 5_000);
  await emptied(store);
  const before = stateOf(layout);
  say(`working for ${minutes} minutes`);
  const done = await rounds(load, store, performance.now() + minutes * 60_000);
  await emptied(store);
  const after = stateOf(layout);
  const what = `soak of ${minutes} minutes`;
  tell({ what: `${what}: rounds of work`, value: done, unit: '' });
  for (const key of ['descriptors', 'processes', 'files', 'bytes'] as const) {
    const more = after[key] - before[key];
    tell({ what: `${what}: more ${key} than before`, value: more, unit: '', atMost: 0 });
  }
  for (const change of changes(before.sizes, after.sizes)) say(change);
  const grown = (after.rss - before.rss) / 1024 ** 2;
  tell({ what: `${what}: more memory than before`, value: grown, unit: 'MiB', atMost: 100 });
  await run('sync', ['--file-system', layout.root]);
  const { exitCode, stdout } = await measuredRun([...load.command, 'doctor'], envOf(layout));
  tell({
    what: `${what}: doctor finds${exitCode === 0 ? '' : ` ${stdout}`}`,
    value: exitCode,
    unit: '',
    atMost: 0,
  });
}

/** @returns how many rounds were done; any error ends them */
async function rounds(load: Load, store: VirtualMachineStore, until: number): Promise<number> {
  let done = 0;
  const failures: unknown[] = [];
  const work = async (number: number, act: (name: string, copy: string) => Promise<void>) => {
    for (let round = 0; performance.now() < until && failures.length === 0; round += 1) {
      const source = nameOf((number * 7 + round) % INSTANCES);
      // The others come to the end of their rounds before the store is removed.
      await act(source, `copy-${number}-${round}`).catch((error: unknown) => failures.push(error));
      done += 1;
    }
  };
  await Promise.all([
    ...Array.from({ length: WORKERS.library }, async (_, number) =>
      work(number, async (source, copy) => byLibrary(store, await store.get(source), copy)),
    ),
    ...Array.from({ length: WORKERS.command }, async (_, number) =>
      work(WORKERS.library + number, async (source, copy) => byCommand(load, source, copy)),
    ),
  ]);
  for (const failure of failures) load.say(inspect(failure, { depth: Infinity }));
  if (failures.length > 0) throw new AggregateError(failures, `round ${done} of the soak failed`);
  return done;
}

/** A clone, and all that can be done with it. */
async function byLibrary(
  store: VirtualMachineStore,
  source: VirtualMachine,
  copy: string,
): Promise<void> {
  const vm = await source.clone(copy);
  await vm.snapshot({ name: 'one' });
  await vm.clone(`${copy}-linked`, { linked: true });
  await vm.restore('one');
  await vm.deleteSnapshot('one');
  const renamed = await vm.rename(`${copy}-renamed`);
  await renamed.delete();
  await store.list();
  await renamed.recover();
  await renamed.purge();
  await (await store.get(`${copy}-linked`)).flatten();
  await (await store.get(`${copy}-linked`)).purge();
}

async function byCommand({ command, folder }: Load, source: string, copy: string): Promise<void> {
  const env = { MULTIPASS_STORAGE: join(folder, 'store') };
  const file = join(folder, `${copy}.tar`);
  const steps = [
    ['clone', source, '--name', copy, '--count', '1'],
    ['info', copy],
    ['export', copy, file],
    ['import', file, '--name', `${copy}-back`],
    ['list', '--format', 'json'],
    ['delete', '--purge', copy, `${copy}-back`],
  ];
  for (const args of steps) {
    const { exitCode, stdout, stderr } = await measuredRun([...command, ...args], env);
    if (exitCode !== 0)
      throw new Error(`${args.join(' ')} ended with ${exitCode}: ${stderr}${stdout}`);
  }
  await run('rm', ['-f', file]);
}

/** Purges whatever was made, and is left. */
async function emptied(store: VirtualMachineStore): Promise<void> {
  for (const { name } of await store.list())
    if (name.startsWith('copy-')) await (await store.get(name)).purge();
}

interface State {
  readonly descriptors: number;
  readonly processes: number;
  readonly files: number;
  readonly bytes: number;
  readonly rss: number;
  /** Of each file, by its path in the store. */
  readonly sizes: ReadonlyMap<string, number>;
}

function stateOf(layout: StoreLayout): State {
  const entries = readdirSync(layout.root, { recursive: true, encoding: 'utf8' });
  const files = entries.map((entry) => [entry, statSync(join(layout.root, entry))] as const);
  const sizes = new Map(files.map(([entry, one]) => [entry, one.isFile() ? one.size : 0]));
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return {
    descriptors: readdirSync('/proc/self/fd').length,
    processes: children(process.pid),
    files: files.length,
    bytes,
    rss: process.memoryUsage().rss,
    sizes,
  };
}

function changes(before: State['sizes'], after: State['sizes']): string[] {
  const paths = [...new Set([...before.keys(), ...after.keys()])];
  return paths
    .filter((path) => before.get(path) !== after.get(path))
    .map(
      (path) => `${path}: ${before.get(path) ?? 'not there'}, then ${after.get(path) ?? 'gone'}`,
    );
}

function children(pid: number): number {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
    .length;
}

function envOf(layout: StoreLayout): Record<string, string> {
  return { MULTIPASS_STORAGE: layout.root };
}
