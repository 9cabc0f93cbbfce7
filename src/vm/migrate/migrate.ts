import { atOnce } from '../../at-once.js';
import { fromSystemError, MultipassError, hasCode } from '../../errors.js';
import { findLegacyFiles } from '../../store/legacy/instance-files.js';
import {
  legacyKeyPath,
  readLegacyInstances,
  type LegacyInstance,
  type LegacyInstances,
} from '../../store/legacy/instances.js';
import { findLegacyRoots, resolveLegacyRoot, type LegacyRoot } from '../../store/legacy/roots.js';
import { checkStoreFormat } from '../../store/format.js';
import type { StoreLayout } from '../../store/layout.js';
import type { HostEnvironment } from '../../store/storage-root.js';
import { isValidName } from '../names.js';
import { Work, type WorkRequest } from '../../work.js';
import { prepareStore } from '../sweep.js';
import { ALREADY_THERE, alreadyThere, isThere } from './already-there.js';
import { BigDisks } from './big-disks.js';
import { bringAliases } from './bring-aliases.js';
import { importKey } from './import-key.js';
import { lanesOf } from './lanes.js';
import { migrateInstance } from './migrate-instance.js';
import { DiskClaims } from './ownership.js';
import type { MigratedInstance, MigrationReport } from './report.js';

/** Instances that come over at once: each waits for the disk four times, for what it has written. */
const AT_ONCE = 8;

/** What to migrate, and how. */
export interface MigrateOptions {
  /** Where the legacy data is; undefined: everywhere Multipass is known to keep it. */
  readonly from?: string | undefined;
  /** These alone; none: all. */
  readonly names?: readonly string[] | undefined;
  /** `move` deletes what was migrated, once that is durable. Default: `copy`. */
  readonly mode?: 'copy' | 'move' | undefined;
  /** True: nothing is written; the report tells what would be. */
  readonly dryRun?: boolean | undefined;
  /** Begins the phase `migrating` with each instance. */
  readonly work?: WorkRequest['work'];
}

/** What is migrated into which store. */
export interface MigrateRequest extends MigrateOptions {
  readonly layout: StoreLayout;
  readonly host: HostEnvironment;
  readonly names: readonly string[];
  readonly mode: 'copy' | 'move';
  readonly dryRun: boolean;
}

/** The report, and whether all that was asked for is in the store. */
export interface MigrationOutcome {
  /** What became of each. */
  readonly report: MigrationReport;
  /** False when an instance failed or was in use. */
  readonly complete: boolean;
}

/**
 * Brings the instances of old multipassd data into the store, several at once; one that fails does not stop the
 * others, and what is there already is not touched, so it may be run again at any time.
 * @throws MultipassError LEGACY_NOT_FOUND, PERMISSION_DENIED, STORE_TOO_NEW, ABORTED (what was migrated stays)
 */
export async function migrate({ work, ...wanted }: MigrateRequest): Promise<MigrationOutcome> {
  const roots = await rootsOf(wanted);
  if (wanted.dryRun) checkStoreFormat(wanted.layout);
  else await prepareStore(wanted.layout);
  const read: [LegacyRoot, LegacyInstances][] = [];
  for (const root of roots) read.push([root, await readLegacyInstances(root)]);
  const claims = await DiskClaims.of(read.flatMap(([, { instances }]) => instances));
  const request: Wanted = { ...wanted, work: Work.of(work), claims, bigDisks: new BigDisks() };
  const errors: string[] = [];
  const done: Done[] = [];
  for (const [root, { instances, problems }] of read) {
    errors.push(...problems);
    const sshKey = keyOnce(request, root);
    done.push(...(await migrateAll(request, instances, sshKey)));
  }
  done.push(...missing(request, done));
  const instances = new Set(done.filter(isInStore).map(({ instance }) => instance.name));
  const brought = await bringAliases({ ...request, instances });
  errors.push(...brought.problems);
  return {
    report: {
      errors,
      from: roots.map(({ dataDir }) => dataDir),
      dryRun: request.dryRun,
      instances: done.map(({ instance }) => instance),
      aliases: brought.aliases,
    },
    complete: brought.complete && done.every(({ complete }) => complete),
  };
}

function isInStore({ instance: { action, reason } }: Done): boolean {
  const cameOver = action === 'migrated' || action === 'recovered';
  return cameOver || reason?.startsWith(ALREADY_THERE) === true;
}

/** What is to be migrated, and how that is stopped and told. */
type Wanted = MigrateRequest & {
  readonly work: Work;
  readonly claims: DiskClaims;
  readonly bigDisks: BigDisks;
};

interface Done {
  readonly instance: MigratedInstance;
  readonly complete: boolean;
}

/** In the order of the instances, whatever order they came over in. */
async function migrateAll(
  request: Wanted,
  instances: readonly LegacyInstance[],
  sshKey: () => Promise<string | null>,
): Promise<Done[]> {
  const done = new Map<LegacyInstance, Done>();
  const one = async (legacy: LegacyInstance): Promise<void> => {
    request.work.throwIfAborted();
    done.set(legacy, await migrateOne({ ...request, work: request.work.beside() }, legacy, sshKey));
  };
  const wanted = instances.filter(({ name }) => isWanted(request, name));
  await atOnce(lanesOf(wanted.filter(({ spec }) => spec !== null)), AT_ONCE, async (lane) => {
    for (const legacy of lane) await one(legacy);
  });
  // Which MAC addresses they have their seeds alone tell: they must not take what another one's record says.
  for (const legacy of wanted.filter(({ spec }) => spec === null)) await one(legacy);
  return wanted.flatMap((legacy) => done.get(legacy) ?? []);
}

async function migrateOne(
  request: Wanted,
  legacy: LegacyInstance,
  sshKey: () => Promise<string | null>,
): Promise<Done> {
  const { name } = legacy;
  try {
    const reason = await whySkip(request, legacy);
    if (reason !== null) return { instance: skipped(name, reason), complete: true };
    requireName(name);
    if (legacy.fault !== null) throw legacy.fault;
    request.work.begin('migrating', name);
    const instance = await migrateInstance({ ...request, legacy, sshKey });
    return { instance, complete: true };
  } catch (thrown) {
    const error = fromSystemError(thrown, `migrate "${name}"`);
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    const instance = skipped(name, error.message);
    if (hasCode(error, 'DISK_IN_USE')) return { instance, complete: false };
    return { instance: { ...instance, action: 'failed' }, complete: false };
  }
}

async function whySkip(request: Wanted, legacy: LegacyInstance): Promise<string | null> {
  const nothing = await nothingToMigrate(legacy);
  if (nothing === null) return await alreadyThere(request, legacy);
  return isThere(request.layout, legacy) ? ALREADY_THERE : nothing;
}

/** Why there is nothing to bring over, or null. */
async function nothingToMigrate({ spec, folder, image }: LegacyInstance): Promise<string | null> {
  const { disk, candidates } = await findLegacyFiles(folder, image?.path ?? null);
  const isEmpty = disk === null && candidates.length === 0;
  if (spec?.ghost === true && (folder === null || isEmpty)) {
    return 'a ghost: a record that stands for no instance';
  }
  if (!isEmpty) return null;
  if (folder === null) return 'a record without an instance: its folder is gone';
  return spec === null && image === null ? 'a folder without a disk and without a record' : null;
}

function requireName(name: string): void {
  if (isValidName(name)) return;
  throw new MultipassError('INVALID_NAME', `${JSON.stringify(name)} is no name for an instance`, {
    hint: 'Rename its folder, and its records if there are any, then try again.',
    details: { name },
  });
}

function skipped(name: string, reason: string): MigratedInstance {
  return {
    name,
    action: 'skipped',
    reason,
    state: null,
    method: null,
    bytes: 0,
    snapshots: 0,
    warnings: [],
  };
}

function isWanted({ names }: MigrateRequest, name: string): boolean {
  return names.length === 0 || names.includes(name);
}

function missing(request: MigrateRequest, done: readonly Done[]): Done[] {
  const met = new Set(done.map(({ instance }) => instance.name));
  return [...new Set(request.names)]
    .filter((name) => !met.has(name))
    .map((name) => ({
      instance: { ...skipped(name, `instance "${name}" does not exist`), action: 'failed' },
      complete: false,
    }));
}

async function rootsOf({ from, host }: MigrateRequest): Promise<LegacyRoot[]> {
  if (from !== undefined) return await resolveLegacyRoot(from);
  const roots = await findLegacyRoots(host);
  if (roots.length > 0) return roots;
  throw new MultipassError('LEGACY_NOT_FOUND', 'no data of an old Multipass was found', {
    hint: 'Name its folder (`multipass migrate --from FOLDER`); reading a system installation needs root.',
  });
}

/** The key is brought over when the first instance needs it, and once. */
function keyOnce(request: MigrateRequest, root: LegacyRoot): () => Promise<string | null> {
  let key: Promise<string | null> | undefined;
  return () =>
    (key ??= legacyKeyPath(root).then((path) =>
      path === null ? null : importKey(request.layout, path),
    ));
}
