import { MultipassError, RecordError } from '../../errors.js';
import { digestOf, type Digest } from '../../files/digest.js';
import { OCI_MANIFEST } from '../../registry/media-types.js';
import { formatReference, type Reference } from '../../registry/reference.js';
import type { RegistryOptions } from '../../registry/registry-connection.js';
import { WritableRepository } from '../../registry/writable-repository.js';
import { Repository } from '../../registry/repository.js';
import { Work } from '../../work.js';
import { readSnapshots } from '../read-snapshots.js';
import { noteWhereabouts, whereaboutsOf } from './base-whereabouts.js';
import { pushContainerDisk } from './container-disk.js';
import { ChunkWriter } from './chunk-writer.js';
import { usualCompression } from './compression.js';
import { withExportSource, type ExportSource } from './export-source.js';
import { userDataBytes, warnOfExport } from './export-warnings.js';
import { instanceManifest } from './instance-manifest.js';
import { encodeManifest, LARGEST_MANIFEST, type Chunk, type TravelManifest } from './manifest.js';
import { packConfig } from './pack-config.js';
import type { PushReport, PushRequest } from './push-request.js';
import { publishManifest } from './publish-manifest.js';
import { referenceNotFound, registryAccess } from '../registry-access.js';
import { RegistryCarrier, thereChunks, type ThereChunk } from './registry-carrier.js';
import type { TravelFile } from './travel-config.js';
import { UnreadBases } from './unread-bases.js';
import { writeFiles } from './write-files.js';

/**
 * Sends a stopped instance, or the state of a snapshot, to a registry. What the registry has by content is not sent
 * again, and the tag becomes this instance in one step, the last: whatever fails or kills it before leaves the tag as
 * it was. The instance is only read, under its shared lock. Keys, uuid, addresses, lineage and folders of the host
 * stay here.
 *
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_ARGUMENT,
 *   REFERENCE_NOT_FOUND for `from`, REFERENCE_TAKEN, REGISTRY_DENIED, REGISTRY_FAILED, INSTANCE_CHANGED, DISK_FULL,
 *   ABORTED, …
 */
export async function pushInstance(request: PushRequest): Promise<PushReport> {
  const { layout, name, snapshot } = request;
  const work = Work.of(request.work);
  const { parse, options } = registryAccess(layout, work);
  const target = parse(request.reference);
  const from = request.from === undefined ? undefined : parse(request.from);
  requireSense(target, from);
  const doing = { verb: 'push', phase: 'pushing' } as const;
  const wanted = { layout, name, snapshot, flat: false, doing, work };
  return await withExportSource(wanted, async (source) => {
    const repository = await openTarget({ request, target, from, options, source });
    return await push({ request, target, from, options, source, repository, work });
  });
}

/** All that a push is made of. */
interface PushPlan {
  readonly request: PushRequest;
  readonly target: Reference & { readonly tag: string };
  readonly from: Reference | undefined;
  readonly options: RegistryOptions;
  readonly source: ExportSource;
  readonly repository: WritableRepository;
  readonly work: Work;
}

async function openTarget({
  request,
  target,
  from,
  options,
  source,
}: Omit<PushPlan, 'repository' | 'work'>): Promise<WritableRepository> {
  const bases = source.files.slice(1).map(({ name }) => name);
  const known = whereaboutsOf(request.layout, target.host, bases);
  const origins = [
    ...new Set([from?.repository ?? [], known.map(({ repository }) => repository)].flat()),
  ];
  const access = { options, origins };
  const repository = await WritableRepository.openToWrite(target.host, target.repository, access);
  if (request.clobber === false && (await repository.hasManifest(target.tag))) {
    const reference = formatReference(target);
    throw new MultipassError('REFERENCE_TAKEN', `"${reference}" is there already`, {
      hint: 'Push to another tag, or leave out `--no-clobber`.',
      details: { reference },
    });
  }
  return repository;
}

async function push(plan: PushPlan): Promise<PushReport> {
  const { request, target, source, repository, work } = plan;
  const { opened, state, files, isAlone, beforeEnd } = source;
  const { reading, layout } = opened;
  const travelling = files.map(({ name, size }, index): TravelFile => ({
    name,
    size,
    backing: files[index + 1]?.name ?? null,
    kept: null,
  }));
  const { config, data } = await packConfig({
    layout,
    reading,
    spec: state.spec,
    snapshots: isAlone ? [] : readSnapshots(reading.dir, reading.pending),
    files: travelling,
    keepIdentity: false,
    withKey: false,
    isPublic: true,
    userData: request.userData ?? true,
  });
  warnOfExport(config, { reading, work });
  const bases = new UnreadBases(files.slice(1));
  const { there, usualSize } = await whatIsThere(plan, bases);
  const carrier = new RegistryCarrier(repository, { compression: usualCompression(), there });
  const writer = new ChunkWriter(carrier);
  const unread = async (base: string, least: number) =>
    await bases.handOver(base, { carrier, least });
  const digests = await writeFiles(writer, { files, travelling, usualSize, unread, work });
  const configPlace = { digest: digestOf(data), size: data.length };
  await repository.upload(data, configPlace.digest);
  const texts = {
    title: reading.name,
    created: new Date().toISOString(),
    virtualSize: config.disk,
  };
  const encode = (chunks: readonly Chunk[]): Buffer => {
    const manifest = { config: configPlace, chunks, files: digests };
    const bytes = encodeManifest(manifest, texts);
    if (bytes.length > LARGEST_MANIFEST) throw new Error('a manifest that is too large');
    return bytes;
  };
  beforeEnd();
  const { manifest, chunks } = await publishManifest({
    repository,
    carrier,
    files,
    chunks: writer.chunks,
    config: data,
    publish: async (list) => {
      const bytes = encode(list);
      work.throwIfAborted();
      const as = request.containerDisk === true ? digestOf(bytes) : target.tag;
      return { bytes, missing: await repository.publish(as, OCI_MANIFEST, bytes) };
    },
  });
  const own = { digest: digestOf(manifest), size: manifest.length };
  const disk =
    request.containerDisk === true
      ? await pushContainerDisk({ repository, source, instance: own, tag: target.tag, work })
      : undefined;
  const digest = disk?.index ?? own.digest;
  await noteWhereabouts(
    layout,
    {
      registry: target.host,
      repository: target.repository,
      digest: own.digest,
      bases: files.slice(1).map(({ name }) => name),
      read: bases.untouched(),
    },
    undefined,
  );
  return {
    name: reading.name,
    snapshot: state.snapshot,
    reference: formatReference(target),
    digest,
    pinned: formatReference({ ...target, tag: null, digest }),
    chunks: chunks.length,
    chunksSent: carrier.sentChunks,
    bytesSent: carrier.sent + data.length + manifest.length + (disk?.bytesSent ?? 0),
    bytesReused: carrier.reused,
    containerDisk: disk?.image ?? null,
    userDataBytes: request.userData === false ? 0 : userDataBytes(config),
  };
}

/** What the registry has already: of the tag itself, of `from`, and of the bases where they were last. */
async function whatIsThere(
  { request, target, from, options, source, repository }: PushPlan,
  unread: UnreadBases,
): Promise<{
  there: ReadonlyMap<Digest, ThereChunk>;
  usualSize: (file: string) => number | undefined;
}> {
  const sizes = new Map<string, number>();
  const there = new Map<Digest, ThereChunk>();
  const learn = ({ chunks }: TravelManifest, where: string): void => {
    for (const { file, offset, size } of chunks) if (offset === 0) sizes.set(file, size);
    for (const [content, chunk] of thereChunks(chunks, where)) there.set(content, chunk);
  };
  const bases = source.files.slice(1).map(({ name }) => name);
  const known = whereaboutsOf(request.layout, target.host, bases);
  for (const one of known.toReversed()) {
    const { repository: where, digest } = one;
    const found = await lookIfAny(where, digest, { target, options, repository });
    if (found === undefined) continue;
    learn(found, where);
    unread.learn(found, one);
  }
  if (from !== undefined) {
    const other = await Repository.open(from.host, from.repository, options);
    const found = await instanceManifest(other, from.digest ?? from.tag ?? '');
    if (found === undefined) throw referenceNotFound(from);
    learn(found.manifest, from.repository);
  }
  const own = await lookIfAny(target.repository, target.tag, { target, options, repository });
  // What is in the repository itself needs nothing at all, and so counts most.
  if (own !== undefined) learn(own, target.repository);
  return { there, usualSize: (file) => sizes.get(file) };
}

/** A manifest that may be there, and may be an instance's: both only save time. */
async function lookIfAny(
  where: string,
  tagOrDigest: string,
  { target, options, repository }: Pick<PushPlan, 'target' | 'options' | 'repository'>,
): Promise<TravelManifest | undefined> {
  try {
    const place =
      where === target.repository ? repository : await Repository.open(target.host, where, options);
    return (await instanceManifest(place, tagOrDigest))?.manifest;
  } catch (error) {
    const isOther = where !== target.repository && error instanceof MultipassError;
    if (error instanceof RecordError || (isOther && error.code === 'REGISTRY_DENIED')) {
      return undefined;
    }
    throw error;
  }
}

function requireSense(
  target: Reference,
  from: Reference | undefined,
): asserts target is Reference & { tag: string } {
  const refuse = (problem: string, hint: string): never => {
    throw new MultipassError('INVALID_ARGUMENT', problem, { hint, details: {} });
  };
  if (target.digest !== null || target.tag === null) {
    refuse(
      'a push goes to a tag, not to a digest',
      'Write it as "registry.example.com/team/web:1".',
    );
  }
  if (from !== undefined && from.host !== target.host) {
    refuse(
      `"${formatReference(from)}" is in another registry, which nothing can be taken over from`,
      'Name something in the registry that is pushed to, or leave out `--from`.',
    );
  }
}
