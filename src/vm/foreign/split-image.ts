import { artifactInvalid } from '../travel/artifact-error.js';
import type { Members } from './members.js';

/** The two files of an image of Incus or LXD. */
export interface SplitImage {
  /** An archive with its `metadata.yaml`. */
  readonly archive: string;
  readonly disk: string;
}

const ARCHIVES = ['incus', 'metadata', 'meta', 'lxd'];
const DISKS = ['disk.qcow2', 'rootfs.img', 'disk-kvm.img', 'rootfs.qcow2'];
const PACKED = ['.tar.xz', '.tar.gz', '.tar.zst', '.tar'];

/**
 * Tells the two files of an image by their names: those that image servers and we give them, and those that
 * `lxc image export` and `incus image export` write: `meta-<fingerprint>.tar.xz` with `<fingerprint>.qcow2`, or, where
 * the user has named the file, that name and `<name>.root`.
 * @throws MultipassError ARTIFACT_INVALID where there are several images
 */
export function splitImageAmong({ names, origin }: Members): SplitImage | undefined {
  const archive = ARCHIVES.flatMap((name) => PACKED.map((ending) => name + ending)).find((name) =>
    names.has(name),
  );
  const disk = DISKS.find((name) => names.has(name));
  if (archive !== undefined && disk !== undefined) return { archive, disk };
  const [image, ...more] = [...names].flatMap((name) => exportedImage(name, names) ?? []);
  if (more.length === 0) return image;
  throw artifactInvalid(
    origin,
    `there are ${1 + more.length} images in it`,
    'Give a folder with the two files of one.',
  );
}

function exportedImage(archive: string, names: ReadonlySet<string>): SplitImage | undefined {
  const [, fingerprint] = /^meta-([0-9a-f]{64})\.tar(?:\.[a-z0-9]+)?$/.exec(archive) ?? [];
  const disks = fingerprint === undefined ? [] : [`${fingerprint}.qcow2`, `${fingerprint}.root`];
  const disk = [...disks, `${archive}.root`].find((name) => names.has(name));
  return disk === undefined ? undefined : { archive, disk };
}
