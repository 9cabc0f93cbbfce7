import { BASE_FILE, INSTANCE_FILES } from '../../store/instance-dir.js';
import { LEFT_OVER_RECORD } from '../../files/record.js';

/**
 * What a clone does with a file of its source's folder:
 * - `disk`: copied by the fastest correct way, without internal snapshots
 * - `link`: a hard link to the same immutable file
 * - `rewrite`: made anew from the source's, with the clone's identity
 * - `drop`: belongs to the source's own life
 * - `copy`: regular files and folders that we do not know
 */
export type CloneAction = 'disk' | 'link' | 'rewrite' | 'drop' | 'copy';

const ACTIONS: Readonly<Record<string, CloneAction>> = {
  [INSTANCE_FILES.disk]: 'disk',
  [INSTANCE_FILES.spec]: 'rewrite',
  [INSTANCE_FILES.imageRecord]: 'rewrite',
  [INSTANCE_FILES.seed]: 'rewrite',
  [INSTANCE_FILES.snapshots]: 'drop',
  [INSTANCE_FILES.run]: 'drop',
  [INSTANCE_FILES.lock]: 'drop',
  [INSTANCE_FILES.pending]: 'drop',
  [INSTANCE_FILES.memory]: 'drop',
  [INSTANCE_FILES.ram]: 'drop',
  [INSTANCE_FILES.devices]: 'drop',
  [INSTANCE_FILES.newDisk]: 'drop',
  [INSTANCE_FILES.claim]: 'drop',
};

/** The policy, by name: the one place that decides what becomes of a file in a clone. */
export function cloneAction(name: string): CloneAction {
  if (Object.hasOwn(ACTIONS, name)) return ACTIONS[name] ?? 'copy';
  if (BASE_FILE.test(name)) return 'link';
  return LEFT_OVER_RECORD.test(name) ? 'drop' : 'copy';
}
