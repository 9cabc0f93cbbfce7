import { chmod, lstat } from 'node:fs/promises';
import { basename } from 'node:path';
import { randomUUID } from 'node:crypto';
import { fromSystemError } from '../../errors.js';
import { digestOfFile, type Digest } from '../../files/digest.js';
import { checkAndRepairLeaks } from '../../qemu/qemu-img.js';
import { InstanceDir } from '../../store/instance-dir.js';
import { isVisible } from '../../store/make-visible.js';
import { publish } from '../../store/publish.js';
import { StagedInstance } from '../../store/staging.js';
import { Work } from '../../work.js';
import { copyWhole } from '../disks/copy-file.js';
import { SourceWatch } from '../disks/source-watch.js';
import { requireNameIsFree } from '../free-name.js';
import { LossNotes } from '../loss-report.js';
import { rowsOfFolder } from '../macs.js';
import type { InstanceReading } from '../read-instance.js';
import { arrivingKey, type ArrivingKey } from './arriving-key.js';
import { linkKnownBases } from './bring-bases.js';
import { examineFolder, type ExaminedFolder } from './examine-folder.js';
import { requireUuidIsFree } from './free-identity.js';
import type { ImportReport, ImportRequest } from './import-request.js';
import { requireNothingForeign } from './import-instance.js';
import { heldBases, OwnBases } from './own-bases.js';
import { packFolder, type PackedFolder } from './pack-folder.js';
import { withFolderAtRest } from './folder-at-rest.js';
import { unpackConfig } from './unpack-config.js';
import { verifyDisks } from './verify-disks.js';

/**
 * Makes an instance of an instance's folder that somebody has copied by hand to outside of the store: by copy, sharing
 * extents where the file system can, put together in staging, checked whole, and made visible by one rename. As what
 * `import` takes it is a copy with an identity of its own, unless it shall keep the one it had, which nobody here may
 * have. The folder is only read, and stays; no path in it is gone by.
 *
 * @throws MultipassError ARTIFACT_INVALID, INSTANCE_NOT_STOPPED, IDENTITY_TAKEN, NAME_TAKEN, INVALID_NAME,
 *   INVALID_ARGUMENT, INSTANCE_CHANGED, DISK_FULL, TOOL_MISSING, ABORTED, …; what makes it Broken
 */
export async function adoptFolder(request: ImportRequest, from: string): Promise<ImportReport> {
  const { layout } = request;
  const work = Work.of(request.work);
  requireNothingForeign(request);
  const folder = examineFolder(layout, from);
  const name = request.name ?? basename(folder.path);
  await requireNameIsFree(layout, name);
  return await withFolderAtRest(folder.path, work, async (reading) => {
    if (request.keepIdentity === true) await requireUuidIsFree(layout, reading.spec.uuid);
    const watched = [reading.dir.disk, reading.dir.spec, reading.dir.seed];
    const watch = await SourceWatch.begin(watched, work.signal);
    work.begin(request.phase ?? 'importing', name);
    return await bring({ request, folder, reading, name, watch, work });
  });
}

interface Bringing {
  readonly request: ImportRequest;
  readonly folder: ExaminedFolder;
  readonly reading: InstanceReading;
  readonly name: string;
  readonly watch: SourceWatch;
  readonly work: Work;
}

async function bring(bringing: Bringing): Promise<ImportReport> {
  const { request, folder, reading, name, watch, work } = bringing;
  const { layout, keepIdentity: keepsIdentity = false } = request;
  const { uuid: old } = reading.spec;
  const staged = await StagedInstance.create(layout, keepsIdentity ? old : randomUUID(), name);
  try {
    const packed = await packFolder(layout, reading, { keepsIdentity });
    const { config } = packed;
    const brought = await bringDisks(staged, bringing, packed);
    const origin = folder.path;
    const here = brought.shared;
    const head = await verifyDisks({ dir: staged, config, here, origin, work });
    if (reading.uncleanEnd) await checkAndRepairLeaks(staged.disk, { signal: work.signal });
    watch.requireUnchanged();
    const key = await keyOf(request, packed);
    if (key.name === null) work.warn('no ssh key came with it: nobody can enter it without one');
    const user = request.user ?? config.sshUser;
    const unpack = { staged, config, keepsIdentity, key, user, disk: head.virtualSize, work };
    const writeName = await unpackConfig(unpack);
    tell(bringing);
    work.begin('publishing', name);
    work.throwIfAborted();
    const options = { rowsOf: rowsOfFolder, signal: work.signal };
    const [published = ''] = await publish(layout, [{ staged, name, writeName }], options);
    return {
      name: published,
      original: reading.name,
      uuid: staged.uuid,
      keepsIdentity,
      kind: 'folder',
      digest: null,
      bytesWritten: brought.bytesWritten,
      bytesShared: brought.bytesShared,
      mounts: config.mounts,
      losses: new LossNotes().report(),
    };
  } catch (error) {
    if (!isVisible(error)) await staged.discard();
    throw fromSystemError(error, `adopt "${folder.path}"`);
  }
}

interface BroughtDisks {
  /** Bases that are the store's own. */
  readonly shared: ReadonlySet<string>;
  readonly bytesWritten: number;
  readonly bytesShared: number;
}

/** The head by copy, and each base too, unless the store has one of the same content. */
async function bringDisks(
  staged: StagedInstance,
  { request, reading, work }: Bringing,
  { config }: PackedFolder,
): Promise<BroughtDisks> {
  const { layout } = request;
  const source = reading.dir;
  const digests = new Map<string, Digest>();
  for (const { name, size } of config.files.slice(1)) {
    const held = await heldBases(layout, { sizes: [size], signal: work.signal });
    if (held.length === 0) continue;
    digests.set(name, await digestOfFile(source.file(name), work.signal));
  }
  const bases = { dir: new InstanceDir(staged.path), own: new OwnBases(layout, work.signal), work };
  const here = await linkKnownBases(config.files, { manifest: { files: digests } }, bases);
  let bytesWritten = 0;
  for (const { name, size } of config.files) {
    if (here.names.has(name)) continue;
    const target = staged.file(name);
    await copyWhole(source.file(name), target, work);
    await chmod(target, target === staged.disk ? 0o600 : 0o444);
    // What was put in its place meanwhile is not what was looked at.
    if ((await lstat(target)).size !== size) throw new Error(`another "${name}"`);
    bytesWritten += size;
  }
  return { shared: here.names, bytesWritten, bytesShared: here.bytes };
}

/** Which key lets in: with the identity that it had, the one of this store that its seed names. */
async function keyOf(request: ImportRequest, packed: PackedFolder): Promise<ArrivingKey> {
  const { layout, sshKey: given, keepIdentity: keepsIdentity = false } = request;
  if (given === undefined && keepsIdentity && packed.ownKey !== null) {
    return { name: packed.ownKey, publicKey: null };
  }
  return await arrivingKey(layout, { config: packed.config, given, keepsIdentity });
}

/** What is not said by its records. */
function tell({ folder, reading, work }: Bringing): void {
  if (folder.others.length > 0) {
    const names = folder.others.slice(0, 5).map((name) => JSON.stringify(name));
    const more = folder.others.length > 5 ? `, and ${folder.others.length - 5} more` : '';
    work.warn(`not of an instance, and so not taken: ${names.join(', ')}${more}`);
  }
  if (reading.uncleanEnd) {
    work.warn('it was copied while it ran, or had been killed: its disk is as after a power cut');
  }
  if (reading.spec.forwards.length > 0) work.warn('the ports that it forwarded are not forwarded');
}
