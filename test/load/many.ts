import { join } from 'node:path';
import { makeCrowdedStore, nameOf } from '../bench/stores.js';
import type { Load } from './figures.js';
import { measuredRun } from './measured-run.js';

/** Bounds for 10,000 instances: of processor time, because the machine may have other work, and of memory. */
const BOUNDS = {
  list: { cpu: 3, mib: 200 },
  'list --format json': { cpu: 3, mib: 200 },
  info: { cpu: 5, mib: 250 },
  'info of one': { cpu: 1, mib: 150 },
  clone: { cpu: 2, mib: 150 },
  'clone --linked': { cpu: 2, mib: 150 },
  delete: { cpu: 1, mib: 150 },
  purge: { cpu: 4, mib: 200 },
  doctor: { cpu: 1_500, mib: 300 },
} as const;

/** A store of many instances: what its commands take. */
export async function loadMany({ folder, command, instances, say, tell }: Load): Promise<void> {
  say(`making a store of ${instances} instances`);
  const { root } = await makeCrowdedStore(join(folder, 'store'), instances);
  const source = nameOf(3);
  const steps: readonly (readonly [keyof typeof BOUNDS, readonly string[]])[] = [
    ['list', ['list']],
    ['list --format json', ['list', '--format', 'json']],
    ['info', ['info', '--format', 'json']],
    ['info of one', ['info', source]],
    ['clone', ['clone', source]],
    ['clone --linked', ['clone', '--linked', source]],
    ['delete', ['delete', `${source}-clone1`, `${source}-clone2`]],
    ['purge', ['purge']],
    ['doctor', ['doctor', '--format', 'json']],
  ];
  for (const [what, args] of steps) {
    say(what);
    const taken = await measuredRun([...command, ...args], { MULTIPASS_STORAGE: root });
    if (taken.exitCode !== 0) throw new Error(`${what}: ${taken.stderr}${taken.stdout}`);
    const { cpu, mib } = BOUNDS[what];
    const of = `${what}, ${instances} instances`;
    tell({ what: of, value: taken.seconds, unit: 's' });
    tell({ what: `${of}: processor`, value: taken.cpuSeconds, unit: 's', atMost: cpu });
    tell({ what: `${of}: memory`, value: taken.peakMib, unit: 'MiB', atMost: mib });
  }
}
