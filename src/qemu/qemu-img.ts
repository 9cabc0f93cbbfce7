/**
 * qemu-img, which writes all of qcow2 but empty overlays (`create-overlay.ts`). Besides the codes named at each
 * function, all throw MultipassError DISK_IN_USE, DISK_FULL, ABORTED, TOOL_MISSING and TOOL_FAILED. A change of an
 * image is not atomic: one that was killed is made whole by the same call again and `checkAndRepairLeaks`.
 */
export { convertActive } from './qemu-img-convert.js';
export type { ConvertOptions } from './qemu-img-convert.js';
export {
  amendToV3,
  checkAndRepairLeaks,
  commit,
  createEmpty,
  pointTo,
  rebase,
  resize,
  snapshotApply,
  snapshotCreate,
  snapshotDelete,
} from './qemu-img-change.js';
export { checkDisk, isHeldByQemu, measure, virtualSizeOf } from './qemu-img-info.js';
export type { DiskHealth, MeasureOptions } from './qemu-img-info.js';
export type { Backing } from './backing.js';
