import type { LaunchReport } from '../../index.js';

/** A folder that is mounted. */
export interface MountedFolder {
  readonly source: string;
  /** In the guest. */
  readonly target: string;
}

/** In words, what has been mounted where. */
export function mountedLine({ source, target }: MountedFolder, name: string): string {
  return `Mounted '${source}' into '${name}:${target}'\n`;
}

/** What has been mounted where, as JSON. */
export function mountedJson({ source, target }: MountedFolder) {
  return { source, target };
}

/** The output of `multipass launch --format json`, but for the mounts. */
export function launchJson({ name, complaints }: LaunchReport) {
  return { launched: name, cloud_init: { complaints: [...complaints] } };
}
