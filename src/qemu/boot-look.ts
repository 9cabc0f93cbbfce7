import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { qemuImg, type Abortable } from './qemu-img-run.js';

/** What the beginning of a disk says about how a machine starts from it. */
export interface BootLook {
  /** It has a partition for EFI. */
  readonly hasEfi: boolean;
  /** It has code for a BIOS in its first sector. */
  readonly hasBiosCode: boolean;
  /** It has the partition in which GRUB for a BIOS is, on a disk with a GUID partition table. */
  readonly hasBiosPartition: boolean;
}

const SECTOR = 512;
const LOOKED_AT = 64 * 1024;
const MBR = { code: 440, table: 446, entrySize: 16, entries: 4, efi: 0xef };
const GPT = { magic: 'EFI PART', entriesAt: 2 * SECTOR, most: 128 };
/** Types of partitions, as they stand in a table: the UEFI specification, section 5.3.3, and GRUB's own. */
const EFI_SYSTEM = '28732ac11ff8d211ba4b00a0c93ec93b';
const BIOS_BOOT = '4861682149646f6e744e656564454649';

/**
 * Looks at the first 64 KiB of a qcow2 image of our own making, as its guest sees them.
 * @param scratch a file that is made for that, in a folder of our own
 * @throws MultipassError TOOL_MISSING, TOOL_FAILED, ABORTED
 */
export async function lookAtBoot(
  path: string,
  scratch: string,
  { signal }: Abortable = {},
): Promise<BootLook> {
  const [source, target] = [resolve(path), resolve(scratch)];
  const words = ['-f', 'qcow2', '-O', 'raw', `bs=${LOOKED_AT}`, 'count=1'];
  const confined = { format: 'qcow2' as const, reads: [source], writes: [dirname(target)] };
  await qemuImg(['dd', ...words, `if=${source}`, `of=${target}`], { path, signal, confined });
  await using file = await open(target, 'r');
  const start = Buffer.alloc(LOOKED_AT);
  await file.read(start, 0, LOOKED_AT, 0);
  return bootLookOf(start);
}

/** What the first bytes of a disk say. */
function bootLookOf(start: Buffer): BootLook {
  const types = [...gptTypes(start)];
  return {
    hasEfi: types.includes(EFI_SYSTEM) || hasEfiInMbr(start),
    hasBiosCode: start.subarray(0, MBR.code).some((byte) => byte !== 0),
    hasBiosPartition: types.includes(BIOS_BOOT),
  };
}

function* gptTypes(start: Buffer): Generator<string> {
  if (start.toString('latin1', SECTOR, SECTOR + 8) !== GPT.magic) return;
  const size = start.readUInt32LE(SECTOR + 84);
  if (size < 128 || size > 4096) return;
  for (let index = 0; index < GPT.most; index += 1) {
    const at = GPT.entriesAt + index * size;
    if (at + 16 > start.length) return;
    yield start.toString('hex', at, at + 16);
  }
}

function hasEfiInMbr(start: Buffer): boolean {
  return Array.from({ length: MBR.entries }, (_, index) =>
    start.readUInt8(MBR.table + index * MBR.entrySize + 4),
  ).includes(MBR.efi);
}
