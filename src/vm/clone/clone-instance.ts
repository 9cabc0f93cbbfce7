import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { throwIfAborted } from '../../abort.js';
import { fromSystemError, MultipassError } from '../../errors.js';
import { StagedInstance } from '../../store/staging.js';
import { writeNewRecord } from '../../store/write-record.js';
import { firstBootOf, type Renewal } from '../cloud-init/first-boot.js';
import { retargetSeed } from '../cloud-init/seed.js';
import type { CopyStrategy, ImageRecord } from '../records/image-record.js';
import type { InstanceSpec } from '../records/spec.js';
import type { InstanceReading } from '../read-instance.js';
import { prepareStore } from '../upkeep.js';
import { copyFolder } from './copy-folder.js';
import { claimIdentity, type NewIdentity } from './identity.js';
import { publishClone, requireNameIsFree } from './publish-clone.js';
import { PhaseTimer, reportClone } from './report-clone.js';
import type { CloneReport } from './report.js';
import { CloneSource, requireCloneable, type SourceRequest } from './source.js';

/** What is going on in a clone; a fraction is there only for work that takes long. */
export interface CloneProgress {
  readonly phase: 'copying' | 'publishing';
  /** 0 to 1. */
  readonly fraction?: number;
}

/** What to clone, and how. */
export interface CloneRequest extends SourceRequest {
  /** The clone's name; without one the first free `<source>-cloneN`. */
  readonly name?: string | undefined;
  readonly onProgress?: ((progress: CloneProgress) => void) | undefined;
}

/**
 * Copies a stopped instance's folder, gives the copy an identity of its own, and makes it visible by one rename.
 * Whatever fails or kills this leaves the store as before or as after; the source is only read, under a shared lock,
 * so that many clones of it run side by side.
 *
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_STOPPED, INVALID_NAME, NAME_TAKEN,
 *   NAME_IN_PREPARATION, INSTANCE_CHANGED, DISK_FULL, MAC_EXHAUSTED, ABORTED, …; RecordError when the source is Broken
 */
export async function cloneInstance(request: CloneRequest): Promise<CloneReport> {
  const { layout, name, signal, onProgress } = request;
  const timer = new PhaseTimer();
  requireCloneable(layout, request.source);
  if (name !== undefined) await requireNameIsFree(layout, name);
  await prepareStore(layout);
  await using source = await CloneSource.open(request);
  const staged = await StagedInstance.create(layout, randomUUID(), name ?? null);
  try {
    const identity = await claimIdentity(layout, source.reading, staged);
    timer.end('prepare');
    onProgress?.({ phase: 'copying' });
    const copied = await copyFolder(source.reading, staged, {
      signal,
      onProgress: (fraction) => onProgress?.({ phase: 'copying', fraction }),
    });
    timer.end('copy');
    await writeNewRecord(staged.spec, cloneSpec(source.reading.spec, identity));
    await writeNewRecord(staged.imageRecord, cloneRecord(source.reading, copied.disk.strategy));
    onProgress?.({ phase: 'publishing' });
    throwIfAborted(signal);
    source.requireUnchanged();
    let seed: WrittenSeed = { warnings: [], atFirstBoot: [] };
    const published = await publishClone({
      layout,
      staged,
      sourceName: source.reading.name,
      name,
      writeSeed: async (hostname) => {
        seed = await writeSeed(source, staged, identity, hostname);
      },
    });
    timer.end('publish');
    return reportClone({
      source,
      identity,
      name: published,
      copied: copied.disk,
      atFirstBoot: seed.atFirstBoot,
      warnings: [...copied.warnings, ...seed.warnings],
      timer,
    });
  } catch (error) {
    // What is visible is whole, even when the disk did not confirm it: it is not ours to remove any more.
    const isVisible = error instanceof MultipassError && error.code === 'NOT_DURABLE';
    if (!isVisible) await staged.discard();
    throw fromSystemError(error, `clone "${request.source}"`);
  }
}

/** The prototype's spec with another identity, and without its past. */
function cloneSpec(source: InstanceSpec, identity: NewIdentity): InstanceSpec {
  const { uuid, vmgenid, interfaces } = identity;
  return { ...source, uuid, vmgenid, interfaces, snapshotHead: 0, deleted: false };
}

function cloneRecord(source: InstanceReading, strategy: CopyStrategy): ImageRecord {
  return {
    ...source.image,
    lineage: {
      sourceUuid: source.spec.uuid,
      sourceName: source.name,
      snapshot: null,
      created: new Date().toISOString(),
      strategy,
    },
    migratedFrom: null,
  };
}

/** What a clone's seed comes to. */
interface WrittenSeed {
  readonly warnings: readonly string[];
  readonly atFirstBoot: readonly Renewal[];
}

async function writeSeed(
  source: CloneSource,
  staged: StagedInstance,
  identity: NewIdentity,
  hostname: string,
): Promise<WrittenSeed> {
  const { image, files, warnings } = retargetSeed(
    source.seed,
    { instanceId: identity.uuid, hostname, interfaces: identity.changes, isCopy: true },
    source.reading.dir.seed,
  );
  await writeFile(staged.seed, image, { mode: 0o600 });
  const { renews, keeps } = firstBootOf(files);
  return { warnings: [...warnings, ...keeps], atFirstBoot: renews };
}
