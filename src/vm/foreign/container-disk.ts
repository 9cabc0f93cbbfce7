import type { Work } from '../../work.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { TarMembers } from './tar-members.js';
import { unpack } from './unpack.js';

const DISK_FOLDER = 'disk/';

/** Where the layers of an image are taken apart. */
export interface LayersRequest {
  readonly origin: string;
  /** A folder in staging. */
  readonly folder: string;
  readonly work: Work;
}

/**
 * Takes the disk out of a containerDisk of KubeVirt: in one of its layers, the only file of the folder `disk`.
 * @param layers each a file, packed or not, that is wanted when those above it have no disk; the lowest first
 * @throws MultipassError ARTIFACT_INVALID, DISK_FULL, TOOL_MISSING, ABORTED
 */
export async function diskInLayers(
  layers: readonly (() => Promise<string>)[],
  { origin, folder, work }: LayersRequest,
): Promise<{ path: string }> {
  for (const layer of layers.toReversed()) {
    const path = await unpack({ path: await layer(), origin, folder, work });
    await using files = await TarMembers.open({ path, origin, folder, work });
    const disks = [...files.names].filter((name) => name.startsWith(DISK_FOLDER));
    const [disk, ...others] = disks;
    if (disk === undefined) continue;
    if (others.length > 0) throw artifactInvalid(origin, 'it has several files in "disk"');
    return { path: await files.path(disk) };
  }
  throw artifactInvalid(
    origin,
    'it is the image of a container: it has no file in "disk"',
    'Give a containerDisk of KubeVirt, or what `multipass export` writes.',
  );
}
