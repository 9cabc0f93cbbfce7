import { randomUUID } from 'node:crypto';
import { fromSystemError, MultipassError } from '../../errors.js';
import { BASE_FILE } from '../../store/instance-dir.js';
import { isVisible } from '../../store/make-visible.js';
import { publish } from '../../store/publish.js';
import { StagedInstance } from '../../store/staging.js';
import { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';
import { requireNameIsFree } from '../free-name.js';
import { streamArchitecture } from '../images/architecture.js';
import { LossNotes } from '../loss-report.js';
import { rowsOfFolder } from '../macs.js';
import { SSH_USER } from '../records/spec.js';
import { prepareStore } from '../sweep.js';
import { arrivingKey } from './arriving-key.js';
import { artifactInvalid } from './artifact-error.js';
import type { ArtifactSource } from './artifact-source.js';
import { Assembly } from './assembly.js';
import { linkKeptBases, linkKnownBases, shareBases } from './bring-bases.js';
import { digestOf, type Digest } from '../../files/digest.js';
import { requireUuidIsFree } from './free-identity.js';
import type { ImportReport, ImportRequest } from './import-request.js';
import { decodeIndex, decodeManifest, type TravelManifest } from './manifest.js';
import { openSource } from './open-source.js';
import { OwnBases } from './own-bases.js';
import {
  decodeTravelConfig,
  LARGEST_CONFIG,
  type TravelConfig,
  type TravelFile,
} from './travel-config.js';
import { noIdentity, unpackConfig } from './unpack-config.js';
import { verifyDisks } from './verify-disks.js';

/**
 * Makes an instance of an artifact: put together in staging, checked whole, and made visible by one rename. It is a
 * copy with an identity of its own, unless it shall keep the one it had. Whatever fails or kills this, and wherever the
 * artifact ends too early, leaves the store as it was, or with the whole instance. Nothing of the artifact is believed.
 *
 * @throws MultipassError ARTIFACT_INVALID, RECORD_INVALID (a RecordError) for an artifact that cannot be taken;
 *   BASE_NOT_FOUND, IDENTITY_TAKEN, NAME_TAKEN, INVALID_NAME, INVALID_ARGUMENT, DISK_FULL, TOOL_MISSING, ABORTED, …
 */
export async function importInstance(request: ImportRequest): Promise<ImportReport> {
  const { layout, name, phase = 'importing' } = request;
  const work = Work.of(request.work);
  requireUser(request.user);
  requireNothingForeign(request);
  await prepareStore(layout);
  if (name !== undefined) await requireNameIsFree(layout, name);
  await using source = await openSource(request.from, work);
  work.begin(phase, name ?? null);
  const early = await source.config();
  const known = early === undefined ? await readManifest(source) : undefined;
  const data = early ?? (await configOf(source, known));
  const config = decodeTravelConfig(data, source.origin);
  const keepsIdentity = request.keepIdentity === true;
  await requireTakable(config, { request, source });
  const uuid = keepsIdentity ? config.identity?.uuid : undefined;
  const staged = await StagedInstance.create(layout, uuid ?? randomUUID(), name ?? config.name);
  try {
    const own = new OwnBases(layout, work.signal);
    const bases = { dir: staged, own, work };
    let bytesShared = await linkKeptBases(config.files, source.origin, bases);
    // What is fetched blob by blob need not be fetched where it is here.
    const here = known === undefined ? NONE : await linkKnownBases(config.files, known, bases);
    bytesShared += here.bytes;
    const coming = config.files.filter(({ name: file }) => !here.names.has(file));
    const fetched = coming.reduce((sum, { size, kept }) => sum + (kept === null ? size : 0), 0);
    await requireSpace(staged.disk, fetched);
    const parts = { staged, files: coming, data, source, known, work };
    const { manifest, digest, written } = await assemble(parts);
    const { origin } = source;
    const head = await verifyDisks({ dir: staged, config, here: here.names, origin, work });
    const shared = await shareBases(coming, manifest.files, bases);
    bytesShared += shared;
    const key = await arrivingKey(layout, { config, given: request.sshKey, keepsIdentity });
    if (key.name === null) work.warn('no ssh key came with it: nobody can enter it without one');
    const user = request.user ?? config.sshUser;
    const unpack = { staged, config, keepsIdentity, key, user, disk: head.virtualSize, work };
    const writeName = await unpackConfig(unpack);
    work.begin('publishing', name ?? config.name);
    work.throwIfAborted();
    const publishable = { staged, name: name ?? config.name, writeName };
    const [published = ''] = await publish(layout, [publishable], {
      rowsOf: rowsOfFolder,
      signal: work.signal,
    });
    return {
      name: published,
      original: config.name,
      uuid: staged.uuid,
      keepsIdentity,
      kind: 'instance',
      digest,
      bytesWritten: Math.max(0, written - shared),
      bytesShared,
      mounts: config.mounts,
      losses: new LossNotes().report(),
    };
  } catch (error) {
    if (!isVisible(error)) await staged.discard();
    throw fromSystemError(error, `import "${name ?? config.name}"`);
  }
}

/** It becomes an argument of ssh. */
export function requireUser(user: string | undefined): void {
  if (user === undefined || SSH_USER.test(user)) return;
  throw new MultipassError('INVALID_ARGUMENT', `not the name of a user: ${JSON.stringify(user)}`, {
    hint: 'Name the user that the guest lets in, such as `ubuntu`.',
    details: { user },
  });
}

/** An instance says what it is, and how large. @throws MultipassError INVALID_ARGUMENT */
export function requireNothingForeign({ cpus, memory, imageFormat }: ImportRequest): void {
  if (cpus === undefined && memory === undefined && imageFormat === undefined) return;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    'what is of an instance has its own processors, memory and format',
    { hint: 'Import it as it is, then `multipass set local.<name>.cpus=…`.' },
  );
}

interface KnownManifest {
  readonly manifest: TravelManifest;
  readonly digest: Digest;
}

async function readManifest(source: ArtifactSource): Promise<KnownManifest> {
  const place = decodeIndex(await source.index(), source.origin);
  const manifest = decodeManifest(await source.blob(place), source.origin);
  return { manifest, digest: place.digest };
}

async function configOf(source: ArtifactSource, known: KnownManifest | undefined): Promise<Buffer> {
  if (known === undefined) throw new Error('neither config nor manifest');
  const { config } = known.manifest;
  if (config.size > LARGEST_CONFIG) throw artifactInvalid(source.origin, 'its config is too large');
  return await source.blob(config);
}

/** Looks at everything that may be in the way before a byte of a disk is written. */
async function requireTakable(
  config: TravelConfig,
  { request, source }: { readonly request: ImportRequest; readonly source: ArtifactSource },
): Promise<void> {
  const { layout, name, keepIdentity = false } = request;
  if (config.architecture !== streamArchitecture()) {
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `"${source.origin}" is for ${config.architecture}, and this host is ${streamArchitecture()}`,
      { hint: 'Import it on a host of its own kind.', details: { origin: source.origin } },
    );
  }
  if (name === undefined) await requireNameIsFree(layout, config.name);
  if (keepIdentity) {
    if (config.identity === null) throw noIdentity(source.origin);
    await requireUuidIsFree(layout, config.identity.uuid);
  }
}

const NONE = { names: new Set<string>(), bytes: 0 };

async function assemble(request: {
  readonly staged: StagedInstance;
  /** Those that are not in the folder yet. */
  readonly files: readonly TravelFile[];
  readonly data: Buffer;
  readonly source: ArtifactSource;
  readonly known: KnownManifest | undefined;
  readonly work: Work;
}): Promise<KnownManifest & { readonly written: number }> {
  const { staged, data, source, known, work } = request;
  const { origin } = source;
  const files = request.files.filter(({ kept }) => kept === null);
  const total = files.reduce((sum, { size }) => sum + size, 0);
  await using assembly = await Assembly.begin({ dir: staged, files, origin, work });
  let done = 0;
  for await (const chunk of source.chunks()) {
    await assembly.add(chunk);
    work.advance(Math.min(1, (done += chunk.place.size) / total));
  }
  const { manifest, digest } = known ?? (await readManifest(source));
  if (manifest.config.digest !== digestOf(data)) {
    throw artifactInvalid(origin, 'its config is another one than its manifest names');
  }
  await assembly.complete(known === undefined ? manifest : onlyOf(manifest, files), source);
  return { manifest, digest, written: assembly.written };
}

/** Without the chunks of bases that were here; any other that is named has to be of a file that comes. */
function onlyOf(manifest: TravelManifest, files: readonly TravelFile[]): TravelManifest {
  const names = new Set(files.map(({ name }) => name));
  const isHere = (file: string): boolean => BASE_FILE.test(file) && manifest.files.has(file);
  const chunks = manifest.chunks.filter(({ file }) => names.has(file) || !isHere(file));
  return { ...manifest, chunks };
}
