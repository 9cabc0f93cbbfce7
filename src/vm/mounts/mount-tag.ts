import { createHash } from 'node:crypto';

/** What {@link mountTag} looks like. */
export const MOUNT_TAG = /^m[0-9a-f]{30}$/;

/**
 * The name of a mount for QEMU, in the guest's table of mounts, and of its files in `run/`. 9p takes 31 letters; of the
 * target, because an instance has one mount there.
 */
export function mountTag(target: string): string {
  return `m${createHash('sha256').update(target).digest('hex').slice(0, 30)}`;
}
