import { rm } from 'node:fs/promises';
import type { LoopFileSystem } from '../support/loop-mount.js';
import {
  beyondTemplate,
  countScenario,
  flattenScenario,
  linkedScenario,
  renameScenario,
} from './beyond-scenario.js';
import { cloneScenario, cloneTemplate } from './clone-scenario.js';
import { importScenario, importTemplate } from './import-scenario.js';
import { launchScenario, launchTemplate } from './launch-scenario.js';
import { migrateScenario, migrateTemplate } from './migrate-scenario.js';
import { cutPower, type PowerCuts } from './power-cut.js';
import { SNAPSHOT_OPERATIONS } from './snapshot-operations.js';
import { snapshotTemplate } from './snapshot-scenario.js';

type Durable = PowerCuts['durable'];

const published = (name: string): Durable => ({
  call: `rename store/staging/* store/instances/${name}`,
  sync: 'fsync store/instances',
});

function on(
  make: () => Promise<string>,
  scenario: (template: string) => PowerCuts['scenario'],
  durable?: Durable,
): () => Promise<PowerCuts> {
  return async () => {
    const template = await make();
    return { template, scenario: scenario(template), ...(durable && { durable }) };
  };
}

function onSnapshots(operation: string): () => Promise<PowerCuts> {
  return async () => {
    const made = await snapshotTemplate();
    return { template: made.folder, scenario: SNAPSHOT_OPERATIONS[operation]!(made) };
  };
}

/** The operations whose power is cut. */
export const CUT_OPERATIONS: Readonly<Record<string, () => Promise<PowerCuts>>> = {
  clone: on(cloneTemplate, (made) => cloneScenario(made, 'plain'), published('copy')),
  'clone with snapshots': on(
    cloneTemplate,
    (made) => cloneScenario(made, 'tagged'),
    published('copy'),
  ),
  'clone --linked': on(
    beyondTemplate,
    (made) => linkedScenario(made, 'written'),
    published('copy'),
  ),
  'clone --count 3': on(beyondTemplate, (made) => countScenario(made, 'written')),
  flatten: on(beyondTemplate, (made) => flattenScenario(made, 'written')),
  rename: on(beyondTemplate, renameScenario, {
    call: 'rename store/instances/tagged store/instances/shop',
    sync: 'fsync store/instances',
  }),
  snapshot: onSnapshots('a snapshot is taken'),
  restore: onSnapshots('a snapshot is restored'),
  'launch, to its start': on(launchTemplate, launchScenario, published('web')),
  import: on(importTemplate, importScenario, published('web')),
  'migrate --copy': on(migrateTemplate, (made) => migrateScenario(made, 'copy'), published('db')),
};

/** Cuts the power of an operation on a file system. @returns how many cuts there were */
export async function cutPowerOf(operation: string, fsType: LoopFileSystem): Promise<number> {
  const cuts = await CUT_OPERATIONS[operation]!();
  try {
    return await cutPower(fsType, cuts);
  } finally {
    await rm(cuts.template, { recursive: true, force: true });
  }
}
