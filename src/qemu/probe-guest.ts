/** Port of QEMU's `isa-debug-exit` device, which ends QEMU with what is written to it. */
export const EXIT_PORT = 0xf4;
/** What the probe guest writes; QEMU's exit code is twice that, plus 1. */
const FAREWELL = 0x2a;
export const PROBE_EXIT_CODE = FAREWELL * 2 + 1;

const SECTOR = 512;

/**
 * A guest of one boot sector, for x86: the firmware loads it, it goes to 32-bit protected mode, which is where broken
 * accelerators stop, counts for a while, and says farewell. The count takes hardware 50 ms at most; where a hypervisor
 * below lets KVM run such code one instruction at a time, in software, it takes minutes, as boot loaders do there.
 * Written by hand:
 *
 * ```
 * 7c00  fa              cli
 * 7c01  31 c0           xor ax, ax
 * 7c03  8e d8           mov ds, ax
 * 7c05  0f 01 16 34 7c  lgdt [0x7c34]
 * 7c0a  0f 20 c0        mov eax, cr0
 * 7c0d  66 83 c8 01     or eax, 1
 * 7c11  0f 22 c0        mov cr0, eax
 * 7c14  ea 19 7c 08 00  jmp 0x08:0x7c19
 * 7c19  b9 80 f0 fa 02  mov ecx, 50000000      (32-bit from here on)
 * 7c1e  49              dec ecx
 * 7c1f  75 fd           jnz 0x7c1e
 * 7c21  b0 2a           mov al, 0x2a
 * 7c23  e6 f4           out 0xf4, al
 * 7c25  f4              hlt
 * 7c26  eb fd           jmp 0x7c25
 * 7c34  17 00 3c 7c 00 00                      the GDT's limit and address
 * 7c3c  0, flat 32-bit code                    the GDT
 * ```
 */
export function probeGuest(): Buffer {
  const sector = Buffer.alloc(SECTOR);
  Buffer.from(
    'fa31c08ed80f0116347c0f20c06683c8010f22c0ea197c0800b980f0fa024975fdb02ae6f4f4ebfd',
    'hex',
  ).copy(sector);
  Buffer.from('17003c7c0000', 'hex').copy(sector, 0x34);
  Buffer.from('0000000000000000ffff0000009acf00', 'hex').copy(sector, 0x3c);
  sector.writeUInt16LE(0xaa55, SECTOR - 2);
  return sector;
}
