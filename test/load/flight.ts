import { join } from 'node:path';
import { openStore } from '../../src/index.js';
import { makeCrowdedStore, nameOf } from '../bench/stores.js';
import type { Load } from './figures.js';
import { StandstillWatch } from './standstills.js';

const LONGEST_MS = 50;

/**
 * Many clones at once in one process, in a large store, and then one of each of what else takes a lock; meanwhile the
 * event loop is watched.
 */
export async function loadFlight(load: Load): Promise<void> {
  const { folder, instances, clones: many, say, tell } = load;
  say(`making a store of ${instances} instances`);
  const layout = await makeCrowdedStore(join(folder, 'store'), instances);
  const store = openStore(layout.root);
  const source = await store.get(nameOf(0));
  using watch = new StandstillWatch();
  say(`${many} clones of one instance at once`);
  const begin = performance.now();
  const clones = await Promise.all(Array.from({ length: many }, async () => source.clone()));
  tell({ what: `${many} clones at once`, value: (performance.now() - begin) / 1000, unit: 's' });
  const names = new Set(clones.map(({ name }) => name));
  if (names.size !== many) throw new Error(`${many} clones have ${names.size} names`);
  tell({
    what: `${many} clones at once: memory of the process`,
    value: process.resourceUsage().maxRSS / 1024,
    unit: 'MiB',
    atMost: 400,
  });
  sayStandstill('clones', watch, tell);

  say('what else takes a lock');
  const vm = clones[0]!;
  await vm.snapshot({ name: 'first' });
  await vm.clone('linked', { linked: true });
  await vm.cloneMany(3);
  await vm.restore('first');
  await vm.deleteSnapshot('first');
  await (await store.get('linked')).flatten();
  const renamed = await vm.rename('renamed');
  await renamed.delete();
  await renamed.recover();
  await Promise.all(clones.slice(1).map(async (clone) => clone.purge()));
  sayStandstill('all operations', watch, tell);
  tell({ what: 'locks of instances that were taken', value: watch.locks, unit: '' });
}

function sayStandstill(what: string, watch: StandstillWatch, tell: Load['tell']): void {
  const { ms, locks } = watch.longest;
  const others = locks.length > 1 ? ` and ${locks.length - 1} more` : '';
  tell({
    what: `${what}: longest standstill under a lock, of ${locks[0] ?? 'none'}${others}`,
    value: ms,
    unit: 'ms',
    atMost: LONGEST_MS,
  });
}
