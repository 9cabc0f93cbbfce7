import type { MultipassError } from '../../errors.js';
import { formatMemorySize, wholeSectors } from '../../memory-size.js';
import { requireChangeableDisk, requireResizableDisk } from '../pending/changeable-disk.js';
import type { Work } from '../../work.js';
import type { OpenedInstance } from '../open.js';

/** Which disk becomes how large. */
export interface ExpandDiskRequest {
  /** The stopped instance. */
  readonly opened: OpenedInstance;
  /** Bytes. */
  readonly size: number;
  /** The error for a size that cannot be. */
  readonly refuse: (problem: string) => MultipassError;
  readonly work: Work;
}

/**
 * Of the first-level table that QEMU bears, in bytes: block/qcow2.h. Each 8 of them are for one cluster of 8-byte
 * entries.
 */
const LARGEST_L1 = 32 * 1024 ** 2;

/**
 * Makes the disk of an instance larger, in whole sectors. The guest's file system grows at its next start, when
 * cloud-init's growpart is in it.
 * @throws MultipassError the refusal for a smaller size or an absurd one; DISK_INVALID, DISK_IN_USE, DISK_FULL, ABORTED
 */
export async function expandDisk(request: ExpandDiskRequest): Promise<void> {
  const { opened, refuse, work } = request;
  const { reading } = opened;
  const { spec, disk } = reading;
  const size = wholeSectors(request.size);
  if (request.size < Math.max(spec.disk, disk.virtualSize)) {
    throw refuse('Disk can only be expanded');
  }
  const largest = (LARGEST_L1 / 8) * (disk.clusterSize / 8) * disk.clusterSize;
  if (size > largest) throw refuse(`Disk more than ${formatMemorySize(largest)} not possible`);
  if (size === disk.virtualSize) {
    if (size !== spec.disk) await opened.writeSpec({ disk: size });
    return;
  }
  requireResizableDisk(reading);
  await requireChangeableDisk(reading, work.signal);
  await opened.perform(
    {
      step: { operation: 'resize', size },
      spec: { ...spec, disk: size },
      snapshots: new Map(),
    },
    work,
  );
}
