/**
 * What an instance is doing, in Multipass's words. Derived each time, never read from a file; `Broken` is ours:
 * a folder whose records cannot be read.
 *
 * - `Starting`: its QEMU lives, and its guest has not let us in yet in this run
 * - `Restarting`, `Suspending`: a command is doing that to it now
 * - `Delayed Shutdown`: its guest is to shut itself down at a time that is still to come
 * - `Unknown`: its guest has let us in once in this run, and does not answer now; told by those who ask it
 */
export type InstanceState = RestState | LiveState | 'Broken';

/** The states in which nothing runs. */
export type RestState = 'Stopped' | 'Suspended' | 'Deleted';

/** The states of an instance whose QEMU lives. */
export type LiveState =
  'Running' | 'Starting' | 'Restarting' | 'Suspending' | 'Delayed Shutdown' | 'Unknown';

const LIVE: ReadonlySet<string> = new Set<LiveState>([
  'Running',
  'Starting',
  'Restarting',
  'Suspending',
  'Delayed Shutdown',
  'Unknown',
]);

/** True while the QEMU of an instance in that state lives. */
export function isLive(state: InstanceState): state is LiveState {
  return LIVE.has(state);
}
