import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { MultipassError } from '../errors.js';
import { Work } from '../work.js';
import { moveDurably } from '../files/draft.js';
import { syncPath } from '../files/sync.js';
import { withStagedFolder } from '../store/staged-folder.js';
import { backingChain } from './disks/backing-chain.js';
import { linkOrCopy } from './disks/copy-file.js';
import { copyAllStates, spaceForAllStates } from './disks/copy-states.js';
import { requireSpace } from './disks/free-space.js';
import { tidyBases } from './disks/stray-bases.js';
import { instanceIsRunning } from './errors.js';
import type { InstanceRequest } from './instance-request.js';
import { openInstance } from './open.js';

/**
 * Makes a stopped instance stand on nothing but its own disk: what its bases hold is copied into a new head, snapshots
 * and all, and the bases are given up. The new head is made in staging and renamed over the old one.
 * @returns false when it stood on nothing before
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, INSTANCE_SUSPENDED, DISK_FULL before the work,
 *   ABORTED, TOOL_FAILED, …
 */
export async function flattenInstance(request: InstanceRequest): Promise<boolean> {
  const { layout, name } = request;
  const work = Work.of(request.work);
  const { signal } = work;
  await using opened = await openInstance(layout, name, {
    for: 'flatten',
    states: ['Stopped'],
    refuse: (_, state) =>
      state === 'Suspended' ? cannotFlattenSuspended(name) : instanceIsRunning(name, 'flatten'),
    work,
  });
  work.begin('flattening', name);
  const { dir, disk } = opened.reading;
  const bases = backingChain(dir, disk);
  if (bases.length === 0) return false;
  const what = { doing: `flatten "${name}"`, path: dir.disk };
  await withStagedFolder(layout, what, async (folder) => {
    const head = join(folder, 'disk.qcow2');
    await requireSpace(head, await spaceForAllStates(dir.disk, disk, { signal }));
    for (const base of bases) await linkOrCopy(dir.file(base), join(folder, base), work);
    await copyAllStates({ source: dir.disk, facts: disk, target: head, work });
    await chmod(head, 0o600);
    await syncPath(head);
    await syncPath(folder);
    opened.assertHeld();
    await moveDurably(head, dir.disk);
  });
  await tidyBases(opened.reread());
  return true;
}

function cannotFlattenSuspended(name: string): MultipassError {
  return new MultipassError(
    'INSTANCE_SUSPENDED',
    `cannot flatten "${name}" while it is suspended`,
    {
      hint: 'Start and stop it first: its saved memory cannot be copied.',
      details: { name },
    },
  );
}
