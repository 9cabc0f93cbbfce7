import { chmod, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { withDiskBytes } from '../../qemu/disk-bytes.js';
import { createOverlay } from '../../qemu/create-overlay.js';
import { lookAtDisk } from '../../qemu/disk-format.js';
import { missingEnd } from '../../qemu/qcow2-extent.js';
import { factsOf, readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { checkDisk, pointTo, snapshotDelete } from '../../qemu/qemu-img.js';
import { ImageDir } from '../../store/image-dir.js';
import type { StagedInstance } from '../../store/staging.js';
import type { Work } from '../../work.js';
import { copyWhole } from '../disks/copy-file.js';
import { aboutImage } from '../images/image-invalid.js';
import { requireReasonableSize } from '../images/inspect-disk.js';
import { prepareDisk } from '../images/prepare-disk.js';
import type { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import type { ForeignDisk } from './foreign-machine.js';

/** Where a disk of another program goes. */
export interface ForeignDiskRequest {
  readonly disk: ForeignDisk;
  readonly staged: StagedInstance;
  /** What its base is called. */
  readonly id: string;
  readonly as: 'raw' | undefined;
  readonly notes: LossNotes;
  readonly work: Work;
}

/**
 * Makes the disk of a new instance of what came: a base that stands alone, and a head on it, so that clones share what
 * came. Every file is looked at before any program sees it.
 * @returns the size that the guest sees, in bytes
 * @throws MultipassError IMAGE_INVALID, ARTIFACT_INVALID, SANDBOX_UNAVAILABLE, DISK_FULL, TOOL_MISSING, ABORTED
 */
export async function bringDisk(request: ForeignDiskRequest): Promise<number> {
  const { disk, staged, id, work, notes } = request;
  const as = disk.isRaw === true ? 'raw' : request.as;
  noteFormat(disk, as, notes);
  const target = new ImageDir(staged.path);
  await prepareDisk({ source: disk.path, verified: false, origin: disk.origin, as, target, work });
  const base = staged.base(id);
  // In the staged folder, where nobody knows either name yet.
  await rename(target.disk, base);
  const backing = { file: basename(base), format: 'qcow2' };
  if (disk.layer === null) {
    const { virtualSize } = readQcow2(base);
    await createOverlay({ path: staged.disk, backing, size: virtualSize });
    return virtualSize;
  }
  return await bringLayer(request, { layer: disk.layer, base });
}

function noteFormat(disk: ForeignDisk, as: 'raw' | undefined, notes: LossNotes): void {
  const look = lookAtDisk(disk.path, { as });
  if (look.kind !== 'disk') return;
  if (look.format !== 'qcow2') {
    notes.change('disk', [look.format, 'qcow2'], 'the guest sees the same bytes');
  } else notes.keep('disk', 'qcow2');
  const snapshots = look.facts?.snapshots.length ?? 0;
  if (snapshots > 0)
    notes.lose('snapshots', `${snapshots} in the disk`, 'its present state is here');
}

/** A layer whose own word on what it stands on is not gone by, but replaced, after everything else was looked at. */
async function bringLayer(
  { disk, staged, work, notes }: ForeignDiskRequest,
  { layer, base }: { readonly layer: string; readonly base: string },
): Promise<number> {
  const { signal } = work;
  const origin = `${disk.origin}, and what stands on it`;
  const facts = await aboutImage(origin, () => layerFacts(layer, { disk, origin }));
  await copyWhole(layer, staged.disk, work);
  await chmod(staged.disk, 0o600);
  const foreign = { foreign: 'qcow2' as const, signal };
  if ((await checkDisk(staged.disk, foreign)) === 'damaged') {
    throw artifactInvalid(origin, 'its disk is damaged');
  }
  await pointTo(staged.disk, { file: basename(base), format: 'qcow2' }, foreign);
  for (const { name } of facts.snapshots) await snapshotDelete(staged.disk, name, { signal });
  const count = facts.snapshots.length;
  if (count > 0) notes.lose('snapshots', `${count} in the disk`, 'its present state is here');
  return facts.virtualSize;
}

function layerFacts(
  layer: string,
  { disk, origin }: { readonly disk: ForeignDisk; readonly origin: string },
): Qcow2Facts {
  return withDiskBytes(layer, (bytes) => {
    const facts = factsOf(bytes);
    const fail = (problem: string): never => {
      throw artifactInvalid(origin, problem);
    };
    const said = facts.backingFile ?? '';
    if (said.slice(said.lastIndexOf('/') + 1) !== basename(disk.path)) {
      fail(`its disk stands on ${JSON.stringify(said)}`);
    }
    if (facts.externalData) fail('its disk keeps its data in another file');
    if (facts.version !== 3) fail('its disk is a qcow2 image of an old version');
    if (facts.encrypted) fail('its disk is encrypted');
    if (facts.corrupt || facts.dirty) fail('its disk was not closed, or is marked as damaged');
    requireReasonableSize(facts.virtualSize, origin);
    const end = missingEnd(bytes);
    if (end !== undefined) fail(`its disk is cut off: it has data up to byte ${end}`);
    return facts;
  });
}
