import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { isQcow2, readQcow2, type Qcow2Facts } from '../../qemu/qcow2-header.js';
import { diskInfo } from '../../qemu/qemu-img.js';
import { aboutImage, imageInvalid } from './image-invalid.js';

/** A disk from outside that may be used. */
export interface InspectedDisk {
  /** QEMU's name of its format. */
  readonly format: string;
  /** Only of a qcow2 image. */
  readonly qcow2: Qcow2Facts | null;
}

const ACCEPTED = ['qcow2', 'raw', 'vmdk', 'vdi', 'vhdx', 'vpc'];

const SECTOR = 512;

/** How files begin that are packed, and are not unpacked here. */
const PACKED: readonly (readonly [magic: string, name: string])[] = [
  ['1f8b', 'gzip'],
  ['28b52ffd', 'zstd'],
  ['425a68', 'bzip2'],
  ['504b0304', 'zip'],
];

const XZ_MAGIC = 'fd377a585a00';

/** Whether the file is packed with xz. */
export function isXz(path: string): boolean {
  return beginning(path).startsWith(XZ_MAGIC);
}

/**
 * Looks at a disk from outside before anything else does. One that leads to other files of this host (a backing file,
 * an external data file, extents) is refused before QEMU sees it.
 * @param origin its URL or path, for messages
 * @throws MultipassError IMAGE_INVALID
 */
export async function inspectDisk(
  path: string,
  origin: string,
  signal?: AbortSignal,
): Promise<InspectedDisk> {
  return await aboutImage(origin, async () => {
    refusePacked(path, origin);
    const qcow2 = isQcow2(path) ? readQcow2(path) : null;
    if (qcow2 !== null) refuseLeadingQcow2(qcow2, origin);
    refuseLeadingVmdk(path, origin);
    const { format, backingFile, virtualSize } = await diskInfo(path, { signal });
    if (!ACCEPTED.includes(format)) throw imageInvalid(origin, `its format is ${format}`);
    if (backingFile !== null) throw standsOnAnother(origin, backingFile);
    if (virtualSize === 0) throw imageInvalid(origin, 'it is empty');
    if (format !== 'raw') return { format, qcow2 };
    refuseNoDisk(path, origin);
    return { format: isFixedVpc(path) ? 'vpc' : 'raw', qcow2 };
  });
}

function refusePacked(path: string, origin: string): void {
  const start = beginning(path);
  for (const [magic, name] of PACKED) {
    if (!start.startsWith(magic)) continue;
    throw imageInvalid(origin, `it is packed with ${name}`, {
      hint: 'Unpack it, or pack it with xz, and give the path of that file.',
    });
  }
}

function refuseLeadingQcow2(qcow2: Qcow2Facts, origin: string): void {
  if (qcow2.backingFile !== null) throw standsOnAnother(origin, qcow2.backingFile);
  if (qcow2.externalData) throw imageInvalid(origin, 'its data are in another file');
  if (qcow2.encrypted) throw imageInvalid(origin, 'it is encrypted');
  if (qcow2.corrupt) throw imageInvalid(origin, 'it is marked as damaged');
}

/** A descriptor, alone or in an image without a capacity, names the files that hold the data: any of this host. */
function refuseLeadingVmdk(path: string, origin: string): void {
  const start = Buffer.from(beginning(path), 'hex');
  const magic = start.toString('latin1', 0, 4);
  const isDescriptor = /^(?:\s|#[^\n]*\n)*# Disk DescriptorFile/.test(start.toString('latin1'));
  const hasNoCapacity = magic === 'KDMV' && start.length >= 20 && start.readBigUInt64LE(12) === 0n;
  if (!isDescriptor && !hasNoCapacity) return;
  throw imageInvalid(origin, 'its data are in other files', {
    hint: 'Convert it to one file with `qemu-img convert -O qcow2 …` first.',
  });
}

/** Everything that is nothing else counts as raw: a web page, too. */
function refuseNoDisk(path: string, origin: string): void {
  const size = withFile(path, (fd) => fstatSync(fd).size);
  if (size % SECTOR !== 0) {
    throw imageInvalid(origin, `it is of no known format, and ${size} bytes are no raw disk`);
  }
}

/** QEMU does not look at the end of a file, where alone a vpc image of a fixed size says what it is. */
function isFixedVpc(path: string): boolean {
  return withFile(path, (fd) => {
    const footer = Buffer.alloc(SECTOR);
    readSync(fd, footer, 0, SECTOR, Math.max(0, fstatSync(fd).size - SECTOR));
    return footer.toString('latin1', 0, 8) === 'conectix';
  });
}

function standsOnAnother(origin: string, backing: string): Error {
  return imageInvalid(origin, `it stands on another file, "${backing}"`, {
    hint: 'Make it whole with `qemu-img convert -O qcow2 …` first.',
  });
}

/** The first sector, in hex. */
function beginning(path: string): string {
  return withFile(path, (fd) => {
    const buffer = Buffer.alloc(SECTOR);
    return buffer.toString('hex', 0, readSync(fd, buffer, 0, SECTOR, 0));
  });
}

function withFile<T>(path: string, use: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return use(fd);
  } finally {
    closeSync(fd);
  }
}
