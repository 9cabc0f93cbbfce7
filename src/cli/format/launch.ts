import type { LaunchReport } from '../../vm/launch/launch-instance.js';
import type { MountedFolder } from '../mount.js';
import { formatJson } from './json.js';

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
