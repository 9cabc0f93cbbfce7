import { MultipassError } from '../../errors.js';
import { digestOf, digestOfFile } from '../../files/digest.js';
import { TarWriter, type TakeBytes } from '../../files/tar/tar-writer.js';
import { Work } from '../../work.js';
import { readSnapshots } from '../read-snapshots.js';
import { ArchiveCarrier, blobName } from './archive-carrier.js';
import { withArchiveFile } from './archive-file.js';
import { CONFIG_HINT } from './chunk-hint.js';
import { ChunkWriter } from './chunk-writer.js';
import { usualCompression } from './compression.js';
import type { ExportReport, ExportRequest } from './export-request.js';
import { withExportSource, type ExportSource } from './export-source.js';
import { userDataBytes, warnOfExport } from './export-warnings.js';
import { encodeIndex, encodeManifest, LARGEST_MANIFEST, type BlobPlace } from './manifest.js';
import { packConfig } from './pack-config.js';
import type { TravelFile } from './travel-config.js';
import { writeFiles } from './write-files.js';

/**
 * Writes a stopped instance, or the state of a snapshot, as an archive: an OCI image layout in a tar, in one pass. The
 * instance is only read, under its shared lock, which is held to the last byte; what it was at the first look it has to
 * be at the last, or the archive gets no end, and whoever reads it refuses it.
 *
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_ARGUMENT,
 *   INSTANCE_CHANGED, DISK_INVALID, DISK_FULL, TOOL_MISSING, ABORTED, …; what the taker of the bytes throws
 */
export async function exportInstance(request: ExportRequest): Promise<ExportReport> {
  const { layout, name, target, snapshot, flat = false } = request;
  const work = Work.of(request.work);
  requireSense(request);
  const doing = { verb: 'export', phase: 'exporting' } as const;
  return await withExportSource({ layout, name, snapshot, flat, doing, work }, async (source) => {
    const write = (take: TakeBytes): Promise<ExportReport> =>
      writeArchive({ request, source, take, work });
    return typeof target === 'string' ? await withArchiveFile(target, write) : await write(target);
  });
}

/** All that an archive is written from. */
interface ArchiveRequest {
  readonly request: ExportRequest;
  readonly source: ExportSource;
  readonly take: TakeBytes;
  readonly work: Work;
}

async function writeArchive(archive: ArchiveRequest): Promise<ExportReport> {
  const { request, source, take, work } = archive;
  const { opened, state, files, isAlone, beforeEnd } = source;
  const { keepIdentity = false, compression = usualCompression() } = request;
  const { reading } = opened;
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
  const chunks = new ChunkWriter(new ArchiveCarrier(tar, compression));
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

/** The files as the config has them. One that stays at home is known by its content, and so read for that. */
async function filesOf({ request, source, work }: ArchiveRequest): Promise<TravelFile[]> {
  const { keepBase = false, without = [] } = request;
  const { files } = source;
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

function requireSense({ flat = false, keepBase = false }: ExportRequest): void {
  if (!flat || !keepBase) return;
  throw new MultipassError('INVALID_ARGUMENT', 'a flat disk stands on no base that could be kept', {
    hint: 'Leave out one of `flat` and `keepBase`.',
  });
}
