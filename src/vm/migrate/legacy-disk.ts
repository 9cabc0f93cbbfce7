import { statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { hasCode, MultipassError } from '../../errors.js';
import { lookAtDisk, type DiskFormat, type DiskLook } from '../../qemu/disk-format.js';
import { isQcow2, readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { isHeldByQemu, virtualSizeOf } from '../../qemu/qemu-img.js';
import { findLegacyFiles } from '../../store/legacy/instance-files.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { MigrationOrigin } from '../records/image-record.js';

/** The disk of a legacy instance, and what has to be done for it to become a head. */
export interface LegacyDisk {
  /** The file itself, links resolved. */
  readonly path: string;
  /** Where it was found: `path`, or a link to it. */
  readonly entry: string;
  /** Null for a disk that is no qcow2 yet. */
  readonly facts: Qcow2Facts | null;
  readonly format: DiskFormat;
  /** Bytes of the virtual disk. */
  readonly virtualSize: number;
  /** True when it must be converted from another format. */
  readonly convert: boolean;
  readonly print: MigrationOrigin['disk'];
}

/** Where the files of a legacy instance are; the seed may be missing. */
export interface LegacyFilesFound {
  readonly disk: LegacyDisk;
  readonly seed: string | null;
}

/**
 * Finds and looks at the disk of a legacy instance, by whatever name it has: where the record says, else in its own
 * folder. Among several candidates the only qcow2 is it.
 * @throws MultipassError LEGACY_INVALID when there is none, or no telling which, and for what is no disk or does not
 *   stand alone; DISK_IN_USE when a QEMU holds it; SANDBOX_UNAVAILABLE, DISK_INVALID
 */
export async function findLegacyDisk(
  legacy: LegacyInstance,
  signal?: AbortSignal,
): Promise<LegacyFilesFound> {
  const files = await findLegacyFiles(legacy.folder, legacy.image?.path ?? null);
  const entry = files.disk ?? onlyQcow2(legacy, files.candidates);
  const path = await realpath(entry);
  const inspected = await inspect(path, legacy, signal);
  const found = { path, entry, print: printOf(path) };
  const seed = files.seed === null ? null : await realpath(files.seed);
  return { disk: { ...found, ...inspected }, seed };
}

/** True while the disk is what it was when it was looked at, or when `print` was taken. */
export function isUnchanged(
  disk: LegacyDisk,
  print: MigrationOrigin['disk'] = disk.print,
): boolean {
  const now = printOf(disk.path);
  return now.inode === print.inode && now.size === print.size && now.mtimeNs === print.mtimeNs;
}

function printOf(path: string): MigrationOrigin['disk'] {
  const { ino, size, mtimeNs } = statSync(path, { bigint: true });
  return { inode: `${ino}`, size: `${size}`, mtimeNs: `${mtimeNs}` };
}

/** A disk that is in use may look like anything, so that is asked first of what QEMU can be asked about. */
async function inspect(
  path: string,
  legacy: LegacyInstance,
  signal: AbortSignal | undefined,
): Promise<Pick<LegacyDisk, 'facts' | 'format' | 'virtualSize' | 'convert'>> {
  const look = lookAtDisk(path);
  const format = look.kind === 'disk' ? look.format : standsAlone(path) ? 'qcow2' : undefined;
  if (format !== undefined && (await isHeld(path, format, signal))) {
    throw new MultipassError('DISK_IN_USE', `in use: a QEMU holds "${path}" open`, {
      hint: `Stop it first: with the old Multipass, \`multipass stop ${legacy.name}\`.`,
      details: { path },
    });
  }
  if (look.kind !== 'disk') throw unfit(path, look);
  const { facts } = look;
  if (facts !== null)
    return { facts, format: 'qcow2', virtualSize: facts.virtualSize, convert: false };
  const virtualSize = await virtualSizeOf(path, { foreign: look.format, signal });
  return { facts, format: look.format, virtualSize, convert: true };
}

/** Whether a file that cannot be taken, for now or for ever, is a qcow2 image that leads to no other. */
function standsAlone(path: string): boolean {
  try {
    const { backingFile, externalData } = readQcow2(path);
    return backingFile === null && !externalData;
  } catch (error) {
    if (hasCode(error, 'DISK_INVALID')) return false;
    throw error;
  }
}

const PUT_BACK = 'Put back a copy of the disk, then try again.';

/** Multipass makes no such disk; and what a guest may have written must not lead to a file of the host. */
function unfit(path: string, look: Exclude<DiskLook, { kind: 'disk' }>): MultipassError {
  const isPacked = look.kind === 'xz';
  const problem = isPacked ? 'it is packed with xz' : look.problem;
  const hint = (isPacked ? 'Unpack it with `unxz`.' : look.hint) ?? PUT_BACK;
  const more =
    isPacked || look.mayBeRaw !== true
      ? ''
      : ' If it is a raw disk all the same, convert it in its place with `qemu-img convert -f raw -O qcow2 …`.';
  return new MultipassError(
    'LEGACY_INVALID',
    `"${path}" is no disk that can be taken: ${problem}`,
    {
      hint: hint + more,
      details: { path },
    },
  );
}

/** QEMU may refuse to open a damaged one; why it cannot be taken is told by our own look. */
async function isHeld(path: string, foreign: DiskFormat, signal?: AbortSignal): Promise<boolean> {
  try {
    return await isHeldByQemu(path, { foreign, signal });
  } catch (error) {
    if (hasCode(error, 'TOOL_FAILED')) return false;
    throw error;
  }
}

function onlyQcow2(legacy: LegacyInstance, candidates: readonly string[]): string {
  const [disk, another] = candidates.filter((path) => isQcow2(path));
  if (disk !== undefined && another === undefined) return disk;
  const place = legacy.folder ?? legacy.image?.path ?? '';
  throw new MultipassError(
    'LEGACY_INVALID',
    another === undefined
      ? `no disk found in "${place}"`
      : `cannot tell which is the disk: ${candidates.join(', ')}`,
    { hint: 'Leave only the instance’s own disk there, then try again.', details: { path: place } },
  );
}
