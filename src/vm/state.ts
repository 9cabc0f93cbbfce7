/**
 * What an instance is doing, in Multipass's words. Derived each time, never read from a file; `Broken` is ours:
 * a folder whose records cannot be read.
 */
export const INSTANCE_STATES = [
  'Running',
  'Stopped',
  'Deleted',
  'Starting',
  'Restarting',
  'Suspending',
  'Suspended',
  'Unknown',
  'Broken',
] as const;

export type InstanceState = (typeof INSTANCE_STATES)[number];
