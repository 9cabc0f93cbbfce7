import { JsonPlace } from '../../files/decoder.js';
import { digestOf, digestOfFile, isDigest } from '../../files/digest.js';
import type { Work } from '../../work.js';
import { streamArchitecture } from '../images/architecture.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { diskInLayers } from './container-disk.js';
import { titleOf } from './describe-name.js';
import type { ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';

const LARGEST_JSON = 4 * 1024 ** 2;
const MANIFEST = 'manifest.json';
const MOST_LAYERS = 1000;
const HEX_NAME = /^([0-9a-f]{64})\.json$/;

/** Whether files are what `docker save` wrote before it wrote an OCI image layout besides. */
export function isDockerArchive({ names }: Members): boolean {
  return names.has(MANIFEST) && !names.has('index.json');
}

/**
 * Reads a containerDisk that `docker save` or `podman save` has written: the disk in it. Its layers have the digests
 * that its configuration says, and where that is called by its own, so has it.
 * @throws MultipassError ARTIFACT_INVALID, RECORD_INVALID, DISK_FULL, TOOL_MISSING, ABORTED
 */
export async function readDockerArchive(
  members: Members,
  { folder, work }: { readonly folder: string; readonly work: Work },
): Promise<ForeignMachine> {
  const { origin } = members;
  const [image, ...others] = placeOf(
    members,
    MANIFEST,
    await members.read(MANIFEST, LARGEST_JSON),
  ).items(100);
  if (image === undefined) throw artifactInvalid(origin, 'there is no image in it');
  if (others.length > 0) {
    const problem = `there are ${others.length + 1} images in it`;
    throw artifactInvalid(origin, problem, 'Save the one that is meant by itself.');
  }
  const digests = await digestsIn(members, image.key('Config').string());
  const names = image.key('Layers').items(MOST_LAYERS);
  if (names.length !== digests.length) {
    throw artifactInvalid(
      origin,
      `it has ${names.length} layers, and digests of ${digests.length}`,
    );
  }
  const layers = names.map((place, index) => async () => {
    const path = await members.path(place.string());
    work.begin('verifying');
    if ((await digestOfFile(path, work.signal)) === digests[index]) return path;
    throw artifactInvalid(origin, `its layer "${place.string()}" is damaged`);
  });
  return {
    kind: 'containerdisk',
    title: titleOf(origin),
    cpus: null,
    memory: null,
    disk: { ...(await diskInLayers(layers, { origin, folder, work })), origin, layer: null },
    user: null,
    os: '',
    release: '',
    notes: new LossNotes(),
  };
}

/** Of the layers, as they are unpacked: the lowest first. */
async function digestsIn(members: Members, name: string): Promise<string[]> {
  const { origin } = members;
  const data = await members.read(name, LARGEST_JSON);
  const said = HEX_NAME.exec(name)?.[1];
  if (said !== undefined && digestOf(data) !== `sha256:${said}`) {
    throw artifactInvalid(origin, `its "${name}" is damaged`);
  }
  const config = placeOf(members, name, data);
  const architecture = config.key('architecture').value;
  if (architecture !== streamArchitecture()) {
    throw artifactInvalid(origin, `it has nothing for ${streamArchitecture()}`);
  }
  const digests = config.key('rootfs').key('diff_ids').items(MOST_LAYERS);
  return digests.map((place) => {
    if (isDigest(place.string())) return place.string();
    throw artifactInvalid(origin, 'it names a layer by another digest than SHA-256');
  });
}

function placeOf({ origin }: Members, name: string, data: Buffer): JsonPlace {
  return JsonPlace.parse(`${origin}: ${name}`, data.toString('utf8'));
}
