import { JsonPlace } from '../../files/decoder.js';
import type { Work } from '../../work.js';
import { streamArchitecture } from '../images/architecture.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { digestOf, digestOfFile, hexOf, isDigest } from '../../files/digest.js';
import { CONFIG_TYPE, INSTANCE_TYPE, KUBEVIRT_DISK, ROLE } from '../travel/media-types.js';
import { diskInLayers } from './container-disk.js';
import { titleOf } from './describe-name.js';
import type { ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';

const LARGEST_JSON = 4 * 1024 ** 2;
const INDEX = 'index.json';

/** What an image layout is, as far as its manifests say. */
export interface OciImage {
  /** `instance`: what `multipass export` writes. */
  readonly kind: 'instance' | 'containerdisk' | 'kubevirt';
  readonly layers: readonly OciLayer[];
}

interface OciLayer {
  readonly mediaType: string;
  readonly digest: string;
}

/** Whether files are an OCI image layout. */
export function isOciLayout({ names }: Members): boolean {
  return names.has(INDEX) && names.has('oci-layout');
}

/**
 * Looks at the manifests of an OCI image layout: the one for this machine, or the one of an instance.
 * @throws MultipassError ARTIFACT_INVALID, RECORD_INVALID
 */
export async function lookAtOci(members: Members): Promise<OciImage> {
  const index = placeOf(members.origin, INDEX, await members.read(INDEX, LARGEST_JSON));
  return await follow(members, index, 0);
}

async function follow(members: Members, index: JsonPlace, depth: number): Promise<OciImage> {
  if (depth > 3) throw artifactInvalid(members.origin, 'its indexes lead to each other');
  const entries = index.key('manifests').items(100);
  const chosen =
    entries.find((entry) => annotation(entry, ROLE.key) === ROLE.instance) ??
    entries.find((entry) => isForUs(entry)) ??
    entries.find((entry) => entry.key('platform').isAbsent());
  if (chosen === undefined) {
    throw artifactInvalid(members.origin, `it has nothing for ${streamArchitecture()}`);
  }
  const digest = chosen.key('digest').string();
  const manifest = placeOf(members.origin, digest, await blob(members, digest));
  if (!manifest.key('manifests').isAbsent()) return await follow(members, manifest, depth + 1);
  const types = [manifest.key('artifactType'), manifest.key('config').key('mediaType')].map(
    ({ value }) => value,
  );
  const layers = manifest
    .key('layers')
    .items(10_000)
    .map((layer) => ({
      mediaType: layer.key('mediaType').string(),
      digest: layer.key('digest').string(),
    }));
  if (types.some((type) => type === INSTANCE_TYPE || type === CONFIG_TYPE)) {
    return { kind: 'instance', layers: [] };
  }
  const isKubevirt = layers.some(({ mediaType }) => KUBEVIRT_DISK.test(mediaType));
  return { kind: isKubevirt ? 'kubevirt' : 'containerdisk', layers };
}

function isForUs(entry: JsonPlace): boolean {
  const platform = entry.key('platform');
  return !platform.isAbsent() && platform.key('architecture').value === streamArchitecture();
}

function annotation(entry: JsonPlace, key: string): unknown {
  const annotations = entry.key('annotations');
  return annotations.isAbsent() ? undefined : annotations.key(key).value;
}

function placeOf(origin: string, what: string, data: Buffer): JsonPlace {
  return JsonPlace.parse(`${origin}: ${what}`, data.toString('utf8'));
}

async function blob(members: Members, digest: string): Promise<Buffer> {
  const data = await members.read(nameOf(members, digest), LARGEST_JSON);
  if (digestOf(data) === digest) return data;
  throw artifactInvalid(members.origin, `its blob ${digest} is damaged`);
}

function nameOf({ origin }: Members, digest: string): string {
  if (!isDigest(digest))
    throw artifactInvalid(origin, 'it names a blob by another digest than SHA-256');
  return `blobs/sha256/${hexOf(digest)}`;
}

/**
 * Reads a containerDisk of KubeVirt, or what its export writes: the one disk in it.
 * @throws MultipassError ARTIFACT_INVALID, DISK_FULL, TOOL_MISSING, ABORTED
 */
export async function readOci(
  members: Members,
  {
    image,
    folder,
    work,
  }: { readonly image: OciImage; readonly folder: string; readonly work: Work },
): Promise<ForeignMachine> {
  const { origin } = members;
  const notes = new LossNotes();
  const disk =
    image.kind === 'kubevirt'
      ? await kubevirtDisk(members, image, { notes, work })
      : await diskInLayers(
          image.layers.map((layer) => async () => await verified(members, layer, work)),
          { origin, folder, work },
        );
  return {
    kind: image.kind === 'kubevirt' ? 'kubevirt' : 'containerdisk',
    title: titleOf(origin),
    cpus: null,
    memory: null,
    disk: { ...disk, origin, layer: null },
    user: null,
    os: '',
    release: '',
    notes,
  };
}

async function kubevirtDisk(
  members: Members,
  { layers }: OciImage,
  { notes, work }: { readonly notes: LossNotes; readonly work: Work },
): Promise<{ path: string; isRaw: boolean }> {
  const [disk, ...others] = layers.filter(({ mediaType }) => KUBEVIRT_DISK.test(mediaType));
  if (disk === undefined) throw artifactInvalid(members.origin, 'it has no disk');
  if (others.length > 0) notes.lose('disks', `${others.length} more`, 'export each by itself');
  notes.lose('VirtualMachine', 'its object', '`--cpus` and `--memory`');
  const isRaw = KUBEVIRT_DISK.exec(disk.mediaType)?.[1] === 'raw';
  return { path: await verified(members, disk, work), isRaw };
}

async function verified(members: Members, { digest }: OciLayer, work: Work): Promise<string> {
  const path = await members.path(nameOf(members, digest));
  work.begin('verifying');
  if ((await digestOfFile(path, work.signal)) === digest) return path;
  throw artifactInvalid(members.origin, `its blob ${digest} is damaged`);
}
