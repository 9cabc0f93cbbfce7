import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { measure } from '../../qemu/qemu-img.js';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { withStagedFolder } from '../../store/staged-folder.js';
import type { Work } from '../../work.js';
import { backingChain } from '../disks/backing-chain.js';
import { convertState } from '../disks/convert-state.js';
import { linkOrCopy } from '../disks/copy-file.js';
import { requireSpace } from '../disks/free-space.js';
import type { InstanceReading } from '../read-instance.js';

/** A file of a disk that is exported: the head, then each that it stands on. */
export interface ExportDisk {
  readonly name: string;
  readonly path: string;
  /** Bytes. */
  readonly size: number;
}

/** Which state of an instance's disk is exported. */
export interface ExportDisksRequest {
  readonly layout: StoreLayout;
  readonly reading: InstanceReading;
  /** Tag of a snapshot; undefined: the present state, and all snapshots with it. */
  readonly tag: string | undefined;
  /** One disk that stands alone. */
  readonly flat: boolean;
  /** Its clusters are compressed. Default: as they are. */
  readonly compressed?: boolean | undefined;
  readonly work: Work;
}

/**
 * Gives the files of a disk: those of the instance as they are, or for one state alone, and for one disk that stands
 * alone, what is converted for that in staging, and removed afterwards.
 * @throws MultipassError DISK_FULL, DISK_INVALID, SNAPSHOT_NOT_FOUND, ABORTED; what `use` throws
 */
export async function withExportDisks<T>(
  request: ExportDisksRequest,
  use: (disks: readonly [ExportDisk, ...ExportDisk[]]) => Promise<T>,
): Promise<T> {
  const { layout, reading, tag, flat, compressed = false, work } = request;
  const { dir, disk } = reading;
  const chain = backingChain(dir, disk);
  const bases = await Promise.all(chain.map((name) => diskOf(name, dir.file(name))));
  const isWhole =
    tag === undefined &&
    !compressed &&
    (!flat || (bases.length === 0 && disk.snapshots.length === 0));
  if (isWhole) return await use([await diskOf(INSTANCE_FILES.disk, dir.disk), ...bases]);
  const what = { doing: `export "${reading.name}"`, path: dir.disk };
  return await withStagedFolder(layout, what, async (folder) => {
    const { required } = await measure(dir.disk, {
      snapshot: tag,
      flatten: flat,
      signal: work.signal,
    });
    const target = join(folder, INSTANCE_FILES.disk);
    await requireSpace(target, required);
    for (const name of chain) await linkOrCopy(dir.file(name), join(folder, name), work);
    const base = flat ? null : disk.backingFile;
    const how = { base, tag, compressed, work };
    await convertState({ source: dir.disk, facts: disk, target, ...how });
    return await use([await diskOf(INSTANCE_FILES.disk, target), ...(flat ? [] : bases)]);
  });
}

async function diskOf(name: string, path: string): Promise<ExportDisk> {
  return { name, path, size: (await lstat(path)).size };
}
