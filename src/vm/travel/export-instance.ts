import { MultipassError } from '../../errors.js';
import { TarWriter, type TakeBytes } from '../../files/tar/tar-writer.js';
import { Work } from '../../work.js';
import { SourceWatch } from '../disks/source-watch.js';
import { hintToStop } from '../errors.js';
import { openInstance, type OpenedInstance } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import { readSnapshots } from '../snapshots/snapshot-list.js';
import { sourceState, type SourceState } from '../clone/source-state.js';
import { withArchiveFile } from './archive-file.js';
import { chunkSize } from './chunk-size.js';
import { blobName, ChunkWriter } from './chunk-writer.js';
import { CONFIG_HINT } from './chunk-hint.js';
import { usualCompression } from './compression.js';
import { digestOf, digestOfFile, type Digest } from './digest.js';
import { withExportDisks, type ExportDisk } from './export-disks.js';
import type { ExportReport, ExportRequest } from './export-request.js';
import { encodeIndex, encodeManifest, LARGEST_MANIFEST, type BlobPlace } from './manifest.js';
import { packConfig } from './pack-config.js';
import type { TravelConfig, TravelFile } from './travel-config.js';
import { warnOfExport } from './export-warnings.js';

/**
 * Writes a stopped instance, or the state of a snapshot, as an archive: an OCI image layout in a tar, in one pass. The
 * instance is only read, under its shared lock, which is held to the last byte; what it was at the first look it has to
 * be at the last, or the archive gets no end, and whoever reads it refuses it.
 *
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_ARGUMENT,
 *   INSTANCE_CHANGED, DISK_INVALID, DISK_FULL, TOOL_MISSING, ABORTED, …; what the taker of the bytes throws
 */
export async function exportInstance(request: ExportRequest): Promise<ExportReport> {
  const { layout, name, target, snapshot } = request;
  const work = Work.of(request.work);
  requireSense(request);
  await using opened = await openInstance(layout, name, {
    for: 'export',
    states: snapshot === undefined ? ['Stopped'] : ['Stopped', 'Suspended'],
    refuse: canOnlyExportStopped,
    copy: 'allowed',
    hold: 'shared',
    work,
    early: (reading) => {
      sourceState(reading, snapshot);
      if (snapshot === undefined && request.flat !== true) requireNoMemory(reading);
    },
  });
  const { dir } = opened.reading;
  const watch = await SourceWatch.begin([dir.disk, dir.spec, dir.seed], work.signal);
  const reading = opened.reread();
  const state = sourceState(reading, snapshot);
  const beforeEnd = (): void => {
    watch.requireUnchanged();
    opened.assertHeld();
  };
  const { flat = false } = request;
  const disks = { layout, reading, tag: state.tag, flat, work };
  work.begin('exporting', name);
  return await withExportDisks(disks, async (files) => {
    const write = (take: TakeBytes): Promise<ExportReport> =>
      writeArchive({ request, opened, state, files, take, beforeEnd, work });
    return typeof target === 'string' ? await withArchiveFile(target, write) : await write(target);
  });
}

/** All that an archive is written from. */
interface ArchiveRequest {
  readonly request: ExportRequest;
  readonly opened: OpenedInstance;
  readonly state: SourceState;
  readonly files: readonly [ExportDisk, ...ExportDisk[]];
  readonly take: TakeBytes;
  readonly beforeEnd: () => void;
  readonly work: Work;
}

async function writeArchive(archive: ArchiveRequest): Promise<ExportReport> {
  const { request, opened, state, files, take, beforeEnd, work } = archive;
  const { keepIdentity = false, compression = usualCompression(), flat = false } = request;
  const { reading } = opened;
  const isAlone = flat || state.tag !== undefined;
  const travelling = await filesOf(archive);
  const { config, data } = await packConfig({
    layout: opened.layout,
    reading,
    spec: state.spec,
    snapshots: isAlone ? [] : readSnapshots(reading.dir, reading.pending),
    files: travelling,
    keepIdentity,
    withKey: keepIdentity || request.withKey === true,
  });
  warnOfExport(config, { reading, work });
  const tar = new TarWriter(take);
  const addBlob = async (blob: Buffer, hint?: typeof CONFIG_HINT): Promise<BlobPlace> => {
    const place = { digest: digestOf(blob), size: blob.length };
    await tar.add(blobName(place.digest), blob, hint);
    return place;
  };
  await tar.add('oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}'));
  const configPlace = await addBlob(data, CONFIG_HINT);
  const chunks = new ChunkWriter(tar, compression);
  const digests = await writeFiles(chunks, { files, travelling, work });
  const manifest = encodeManifest(
    { config: configPlace, chunks: chunks.chunks, files: digests },
    { title: reading.name, created: new Date().toISOString(), virtualSize: config.disk },
  );
  if (manifest.length > LARGEST_MANIFEST) throw new Error('a manifest that is too large');
  beforeEnd();
  const place = await addBlob(manifest);
  await tar.add('index.json', encodeIndex(place));
  await tar.end();
  return {
    name: reading.name,
    snapshot: state.snapshot,
    digest: place.digest,
    bytes: tar.written,
    compression,
    chunks: chunks.chunks.length,
    files: travelling.map(({ name, size, kept }) => ({ name, size, travels: kept === null })),
    keepsIdentity: config.identity !== null,
    hasKey: config.privateKey !== null,
    userDataBytes: userDataBytes(config),
  };
}

async function writeFiles(
  chunks: ChunkWriter,
  {
    files,
    travelling,
    work,
  }: { files: readonly ExportDisk[]; travelling: readonly TravelFile[]; work: Work },
): Promise<Map<string, Digest>> {
  const going = files.filter((_, index) => travelling[index]?.kept === null);
  const total = going.reduce((sum, { size }) => sum + size, 0);
  const digests = new Map<string, Digest>();
  let before = 0;
  for (const file of going) {
    const kind = file === files[0] ? 'head' : 'base';
    const chunked = { ...file, chunkSize: chunkSize(kind, file.size, total) };
    const advance = (bytes: number): void => work.advance((before + bytes) / Math.max(1, total));
    digests.set(file.name, await chunks.write(chunked, { work, advance }));
    before += file.size;
  }
  return digests;
}

/** The files as the config has them. One that stays at home is known by its content, and so read for that. */
async function filesOf({ request, files, work }: ArchiveRequest): Promise<TravelFile[]> {
  const { keepBase = false, without = [] } = request;
  const travelling: TravelFile[] = [];
  for (const [index, { name, path, size }] of files.entries()) {
    const backing = files[index + 1]?.name ?? null;
    const mayStay = index > 0 && (keepBase || without.length > 0);
    const digest = mayStay ? await digestOfFile(path, work.signal) : null;
    const stays = digest !== null && (keepBase || without.includes(digest));
    travelling.push({ name, size, backing, kept: stays ? digest : null });
  }
  return travelling;
}

function userDataBytes({ seed }: TravelConfig): number {
  return seed?.find(({ name }) => name === 'user-data')?.data.length ?? 0;
}

function requireSense({ flat = false, keepBase = false }: ExportRequest): void {
  if (!flat || !keepBase) return;
  throw new MultipassError('INVALID_ARGUMENT', 'a flat disk stands on no base that could be kept', {
    hint: 'Leave out one of `flat` and `keepBase`.',
  });
}

function canOnlyExportStopped(name: string, state: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    `cannot export "${name}": it is ${state.toLowerCase()}`,
    {
      hint: hintToStop(name, state),
      details: { name, state },
    },
  );
}

/** Memory holds keys, and its machine stays here. */
function requireNoMemory({ name, disk }: InstanceReading): void {
  const saved = disk.snapshots.filter(({ vmStateSize }) => vmStateSize > 0).length;
  if (saved === 0) return;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `"${name}" has ${saved} snapshot${saved === 1 ? '' : 's'} with memory, which does not travel`,
    {
      hint: 'Delete them first, or export its present state alone (`multipass export --flat`), or that of a snapshot.',
      details: { name },
    },
  );
}
