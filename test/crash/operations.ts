import { rm } from 'node:fs/promises';
import { realRegistry } from '../registry/real-registry.js';
import { adoptFolderScenario, adoptFolderTemplate } from './adopt-folder-scenario.js';
import { adoptScenario, adoptTemplate } from './adopt-scenario.js';
import { aliasTemplate, firstAliasScenario, unaliasScenario } from './aliases-scenario.js';
import {
  foreignScenario,
  foreignTemplate,
  pullScenario,
  pullTemplate,
} from './arrival-scenarios.js';
import { BEYOND_OPERATIONS } from './beyond-operations.js';
import { beyondTemplate } from './beyond-scenario.js';
import { CHANGES, changeTemplate } from './change-scenario.js';
import { cloneScenario, cloneTemplate } from './clone-scenario.js';
import { exportScenario, exportTemplate } from './export-scenario.js';
import { addForwardScenario, forwardTemplate, removeForwardScenario } from './forwards-scenario.js';
import { importScenario, importTemplate } from './import-scenario.js';
import { launchScenario, launchTemplate } from './launch-scenario.js';
import { liveCloneScenario, liveTemplate } from './live-clone-scenario.js';
import { liveDeleteScenario } from './live-delete-scenario.js';
import { liveSnapshotScenario } from './live-snapshot-scenario.js';
import { migrateScenario, migrateTemplate } from './migrate-scenario.js';
import { resizeScenario, setScenario, settingsTemplate } from './settings-scenario.js';
import { SNAPSHOT_OPERATIONS } from './snapshot-operations.js';
import { snapshotTemplate } from './snapshot-scenario.js';
import type { CrashScenario } from './try-once.js';

/** What an operation is tried with: its scenario, and what removes the template of that. */
export interface Prepared {
  readonly scenario: CrashScenario<unknown>;
  readonly remove: () => Promise<void>;
}

type Prepare = () => Promise<Prepared>;

function on<Template extends string | { readonly folder: string }, Context>(
  make: () => Promise<Template>,
  scenarioOf: (template: Template) => CrashScenario<Context>,
): Prepare {
  return async () => {
    const template = await make();
    const folder = typeof template === 'string' ? template : template.folder;
    return {
      // What is prepared is what all the others are handed.
      scenario: scenarioOf(template),
      remove: async () => await rm(folder, { recursive: true, force: true }),
    };
  };
}

const beyond = (operation: string): Prepare => on(beyondTemplate, BEYOND_OPERATIONS[operation]!);
const change = (operation: string): Prepare => on(changeTemplate, CHANGES[operation]!);
const snapshots = (operation: string): Prepare =>
  on(snapshotTemplate, SNAPSHOT_OPERATIONS[operation]!);

/** The registry is there as long as the template. */
const pull: Prepare = async () => {
  const registry = await realRegistry();
  const { scenario, remove } = await on(() => pullTemplate(registry.host), pullScenario)();
  return {
    scenario,
    remove: async () => {
      await remove();
      await registry[Symbol.asyncDispose]();
    },
  };
};

const live = (scenarioOf: (template: string) => CrashScenario<unknown>): Prepare =>
  on(liveTemplate, scenarioOf);
const ALONE = { casualties: 'nobody else' } as const;

/** Every operation, by what it is called in the table. */
export const OPERATIONS: Readonly<Record<string, Prepare>> = {
  'clone (copy or reflink)': on(cloneTemplate, (template) => cloneScenario(template, 'plain')),
  'clone (convert)': on(cloneTemplate, (template) => cloneScenario(template, 'tagged')),
  'clone --linked, frozen': beyond('a written instance is frozen and linked'),
  'clone --linked, nothing written': beyond('an unwritten instance is linked'),
  'clone --linked, with snapshots': beyond('an instance with snapshots is linked'),
  'clone --count 3': beyond('three copies are made'),
  'clone --count 3 --linked': beyond('three linked clones are made'),
  'clone --count 3, with snapshots': beyond('three copies of one with snapshots are made'),
  flatten: beyond('an instance is flattened'),
  'flatten, with snapshots': beyond('an instance with snapshots is flattened'),
  rename: beyond('an instance is renamed'),
  snapshot: snapshots('a snapshot is taken'),
  restore: snapshots('a snapshot is restored'),
  'delete of snapshots': snapshots('snapshots are deleted'),
  'launch, to its start': on(launchTemplate, launchScenario),
  'delete, after what was pending': change(
    'an instance is soft-deleted, and its pending operation finished before',
  ),
  recover: change('an instance is recovered'),
  purge: change('the deleted ones are purged'),
  'migrate --copy': on(migrateTemplate, (template) => migrateScenario(template, 'copy')),
  'migrate --move': on(migrateTemplate, (template) => migrateScenario(template, 'move')),
  'clone --live --linked': live((template) =>
    liveCloneScenario(template, { how: 'linked', ...ALONE }),
  ),
  'clone --live': live((template) => liveCloneScenario(template, { how: 'independent', ...ALONE })),
  'snapshot --live': live((template) =>
    liveSnapshotScenario(template, { of: 'its disk', ...ALONE }),
  ),
  'snapshot --live --memory': live((template) =>
    liveSnapshotScenario(template, { of: 'its memory, too', ...ALONE }),
  ),
  "delete of a running one's snapshot": live((template) => liveDeleteScenario(template, ALONE)),
  import: on(importTemplate, importScenario),
  'import, of another program': on(foreignTemplate, foreignScenario),
  pull,
  export: on(exportTemplate, exportScenario),
  adopt: on(adoptTemplate, adoptScenario),
  'adopt, of a folder': on(adoptFolderTemplate, adoptFolderScenario),
  'set, of the store': on(settingsTemplate, setScenario),
  'set, of a disk': on(settingsTemplate, resizeScenario),
  'alias, the first': on(() => aliasTemplate({ withOne: false }), firstAliasScenario),
  unalias: on(() => aliasTemplate({ withOne: true }), unaliasScenario),
  forward: on(() => forwardTemplate({ withOne: false }), addForwardScenario),
  'forward --remove': on(() => forwardTemplate({ withOne: true }), removeForwardScenario),
};
