import { statSync } from 'node:fs';
import { link, open, rename, rm } from 'node:fs/promises';
import { MultipassError } from '../../errors.js';
import { syncPath } from '../../files/sync.js';
import { openModes } from '../../process/open-files.js';
import { activeHead } from '../../qemu/active-head.js';
import { createOverlay } from '../../qemu/create-overlay.js';
import { hasOwnData, readQcow2 } from '../../qemu/qcow2-header.js';
import { runningQemu } from '../read-instance.js';
import { isLiveName, liveLink, liveNode, newLiveId } from './live-names.js';
import { withStandstill, type Moment, type StandstillRequest } from './standstill.js';

/**
 * Makes what a running guest has written until now an immutable base, and lets it write to an empty head from then on:
 * in milliseconds, whatever the size. A head that has written nothing stays. Killed anywhere, with QEMU or without it,
 * the guest's disk shows the same bytes, and what is in the way is removed by the guard, or by the next command. The
 * caller holds the live lock; the head has no internal snapshots.
 *
 * The order is what it rests on. QEMU opens the old head once more, by the name it knows, to have it read-only: were
 * that the name of the new one by then, it would read its own writes as its past, without a word. And the guest must
 * not write before the new head has its name durably.
 * @throws MultipassError QMP_FAILED, DISK_INVALID, DISK_FULL, ABORTED, IO_ERROR, …
 */
export async function freezeRunning(request: StandstillRequest): Promise<Moment> {
  const { dir, client } = request;
  const old = requireOpen(request);
  const id = newLiveId();
  const node = liveNode(id);
  const { node: active, virtualSize } = await activeHead(client);
  return await withStandstill(request, { operation: 'freeze', id }, async (standing) => {
    const backing = { file: `base-${id}.qcow2`, format: 'qcow2' };
    await createOverlay({ path: dir.newDisk, backing, size: virtualSize });
    await link(dir.disk, dir.base(id));
    await lend(request, node, dir.newDisk);
    // The first head is known by its own name.
    if (isLiveName(active)) await lend(request, active, dir.disk);
    await syncPath(dir.path);
    await client.execute('blockdev-add', {
      driver: 'qcow2',
      'node-name': node,
      discard: 'unmap',
      // It is put on what QEMU has open already.
      backing: null,
      file: { driver: 'file', filename: liveLink(node), discard: 'unmap' },
    });
    // What the guest has written the host writes now, while the guest still runs.
    await writeOut(dir.disk);
    const moment = await standing.atOneMoment('stopped', async () => {
      if (isEmpty(dir.disk)) return;
      await client.execute('blockdev-snapshot', { node: active, overlay: node });
      await rename(dir.newDisk, dir.disk);
      await syncPath(dir.path);
    });
    requireSwapped(request, old);
    return moment;
  });
}

/** What tells a file from all others. */
interface Inode {
  readonly dev: bigint;
  readonly ino: bigint;
}

/**
 * Makes sure that the file which QEMU writes to is the one that has the name of the head.
 * @throws MultipassError DISK_INVALID
 */
export function requireOpen({ dir }: StandstillRequest): Inode {
  const head = statSync(dir.disk, { bigint: true });
  const modes = modesOf(dir, head);
  if (modes === undefined || modes.has('write')) return head;
  throw new MultipassError(
    'DISK_INVALID',
    `"${dir.disk}" is not the file that "${dir.name}" writes to`,
    {
      hint:
        `Somebody has replaced it since it was started. Stop it (\`multipass stop ${dir.name}\`), ` +
        'and look at its disk.',
      details: { path: dir.disk },
    },
  );
}

/** Afterwards QEMU writes to the new head alone: looked at by what the kernel says, whatever QEMU does. */
function requireSwapped({ dir }: StandstillRequest, old: Inode): void {
  const head = statSync(dir.disk, { bigint: true });
  if (head.dev === old.dev && head.ino === old.ino) return;
  const [newModes, oldModes] = [modesOf(dir, head), modesOf(dir, old)];
  if (newModes === undefined || oldModes === undefined) return;
  if (newModes.has('write') && !oldModes.has('write')) return;
  throw new MultipassError(
    'DISK_INVALID',
    `QEMU still writes to the frozen disk of "${dir.name}"`,
    {
      hint: `Stop it at once (\`multipass stop ${dir.name}\`), and please report this.`,
      details: { path: dir.disk },
    },
  );
}

function modesOf(dir: StandstillRequest['dir'], file: Inode): ReturnType<typeof openModes> {
  const pid = runningQemu(dir);
  return pid === undefined ? undefined : openModes(pid, file);
}

/** Lets QEMU find a file by the name of a node, where it may open files. */
async function lend({ dir }: StandstillRequest, node: string, path: string): Promise<void> {
  const name = dir.file(liveLink(node));
  await rm(name, { force: true });
  await link(path, name);
}

/** A guest that stands still has written all to the file; before that the table in it may be an old one. */
function isEmpty(disk: string): boolean {
  return readQcow2(disk).backingFile !== null && !hasOwnData(disk);
}

/** Has the host write out what a file holds; that which comes after takes less time. */
export async function writeOut(path: string): Promise<void> {
  await using file = await open(path, 'r');
  await file.datasync();
}
