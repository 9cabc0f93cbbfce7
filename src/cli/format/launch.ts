import type { LaunchReport } from '../../vm/launch/launch-instance.js';
import { formatJson } from './json.js';

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

/** The output of `multipass launch --format json`. */
export function formatLaunch(
  { name, complaints }: LaunchReport,
  mounts: readonly MountedFolder[],
): string {
  return formatJson({
    launched: name,
    cloud_init: { complaints: [...complaints] },
    mounts: mounts.map(({ source, target }) => ({ source, target })),
  });
}
