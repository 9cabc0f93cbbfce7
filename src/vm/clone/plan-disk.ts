import { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { withStagedFolder } from '../../store/staged-folder.js';
import { backingChain } from '../disks/backing-chain.js';
import { planCopy, type CopyPlan } from '../disks/copy-disk.js';
import { allocatedBytes } from '../disks/copy-file.js';
import { planRunning } from './copy-running.js';
import { hasSpace } from '../disks/free-space.js';
import { Work } from '../../work.js';
import type { InstanceReading } from '../read-instance.js';
import { isLinked, type CloneRequest } from './clone-request.js';
import { isFrozen } from './freeze.js';
import type { SourceState } from './source-state.js';

/** Whose disk would be cloned, and how often. */
export interface DiskPlanRequest {
  readonly request: Pick<CloneRequest, 'layout' | 'linked' | 'warm' | 'work'>;
  readonly reading: InstanceReading;
  readonly state: SourceState;
  /** How many clones at once. */
  readonly copies: number;
}

/** What the disks of all clones would come to, in bytes on the disk. */
export type DiskPlan = Omit<CopyPlan, 'strategy'> & {
  readonly strategy: CopyPlan['strategy'] | 'linked';
  /** How many bases each head would stand on. */
  readonly layers: number;
};

/**
 * What making the disks would come to. The disk itself is only read; a file for asking the file system is made in
 * staging, and removed.
 * @throws MultipassError DISK_INVALID, TOOL_FAILED, TOOL_MISSING, ABORTED
 */
export async function planDisk(plan: DiskPlanRequest): Promise<DiskPlan> {
  const { request, reading, state, copies } = plan;
  const { layout } = request;
  const linked = isLinked(request);
  const { signal } = Work.of(request.work);
  const { dir, disk } = reading;
  const chain = backingChain(dir, disk);
  if (linked && disk.snapshots.length === 0) {
    // Its head is a base by then, unless nothing was written on it.
    const bases = isFrozen(reading)
      ? chain.map((file) => dir.file(file))
      : [dir.disk, ...chain.map((file) => dir.file(file))];
    const bytesShared = await sumOf(bases);
    return { strategy: 'linked', bytesCopied: 0, bytesShared, fits: true, layers: bases.length };
  }
  return await withScratch(layout, async (folder) => {
    const target = new InstanceDir(folder).disk;
    const tag = disk.snapshots.some(({ name }) => name === state.tag) ? state.tag : undefined;
    const copy = { source: dir.disk, facts: disk, tag, target, work: Work.of({ signal }) };
    const one = await (reading.state === 'Running' ? planRunning : planCopy)(copy);
    // Linked ones share one base, whatever their number.
    if (linked) {
      const bytesShared = await sumOf(chain.map((file) => dir.file(file)));
      return { ...one, strategy: 'linked', bytesShared, layers: chain.length + 1 };
    }
    const bytesCopied = one.bytesCopied * copies;
    return {
      ...one,
      bytesCopied,
      fits: bytesCopied === 0 || (await hasSpace(target, bytesCopied)),
      layers: chain.length,
    };
  });
}

async function sumOf(files: readonly string[]): Promise<number> {
  let sum = 0;
  for (const file of files) sum += await allocatedBytes(file);
  return sum;
}

/** Whether extents can be shared is for the file system to say, with a file; what is left of it is swept. */
async function withScratch<T>(
  layout: StoreLayout,
  use: (folder: string) => Promise<T>,
): Promise<T> {
  const what = { doing: 'try how disks can be copied', path: layout.staging };
  return await withStagedFolder(layout, what, use);
}
