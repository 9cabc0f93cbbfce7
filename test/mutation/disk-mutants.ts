import type { Mutant } from './mutant.js';

const FORMAT = 'src/qemu/disk-format.ts';
const OWN = 'src/vm/disks/own-disk.ts';
const FORMATS = ['test/qemu/disk-format.test.ts'];
const CONFINED = ['test/qemu/confine-qemu-img.test.ts'];
const OWN_DISKS = ['test/vm/disks/own-disk.test.ts'];

/** Guards against disks that lead out of where they are. */
export const DISK_MUTANTS: readonly Mutant[] = [
  {
    why: 'what is known is told before a boot sector is looked for',
    file: FORMAT,
    find: 'if (other !== undefined) return',
    replace: 'if (other?.mayBeRaw === true) return',
    tests: FORMATS,
  },
  {
    why: 'a raw disk has a boot sector',
    file: FORMAT,
    find: '  if (!boots) {',
    replace: '  if (!boots && bytes.size < 0) {',
    tests: FORMATS,
  },
  {
    why: 'the end of the data of a qcow2 image is looked for',
    file: FORMAT,
    find: 'const end = missingEnd(bytes);',
    replace: 'const end = bytes.size < 0 ? missingEnd(bytes) : undefined;',
    tests: FORMATS,
  },
  {
    why: 'the last header of a vmdk disk counts where the first says so',
    file: 'src/qemu/vmdk-header.ts',
    find: '.readBigUInt64LE(56) !== AT_END',
    replace: '.readBigUInt64LE(56) !== 1n',
    tests: FORMATS,
  },
  {
    why: 'qemu-img of what came from outside is shut up',
    file: 'src/qemu/confine-qemu-img.ts',
    find: 'if (problem !== undefined) {',
    replace: 'if (problem === undefined) return [program];\n  if (problem !== undefined) {',
    tests: CONFINED,
  },
  {
    why: 'without a sandbox only what was looked through is read',
    file: 'src/qemu/confine-qemu-img.ts',
    find: "['raw', 'qcow2'];",
    replace: "['raw', 'qcow2', 'vmdk', 'vdi', 'vhdx', 'vpc'];",
    tests: CONFINED,
  },
  {
    why: 'a sandbox has no other environment',
    file: 'src/process/sandbox.ts',
    find: "'--clearenv', ",
    replace: '',
    tests: ['test/process/sandbox.test.ts'],
  },
  {
    why: 'qemu-img that has lost tables has failed',
    file: 'src/qemu/qemu-img-run.ts',
    find: '      failsBy: LOST_TABLES,\n',
    replace: '',
    tests: ['test/crash/lost-tables.test.ts'],
  },
  {
    why: 'a table of snapshots that a header may name is not discarded',
    file: 'src/qemu/qemu-img-change.ts',
    find: '`driver=qcow2,${NO_DISCARD},',
    replace: '`driver=qcow2,',
    tests: ['test/crash/lost-tables.test.ts'],
  },
  {
    why: 'every base is whole by itself',
    file: OWN,
    find: 'requireWhole(dir.file(name), facts);',
    replace: 'void [name, facts];',
    tests: OWN_DISKS,
  },
  {
    why: 'a head that somebody has a hard link of is not changed',
    file: 'src/vm/open.ts',
    find: ' requireOnlyName(reading.dir);',
    replace: ' void requireOnlyName;',
    tests: OWN_DISKS,
  },
  {
    why: 'what is pending is not finished on a disk that leads out',
    file: 'src/vm/pending/settle.ts',
    find: 'requireOwnDisk(reading);',
    replace: 'void requireOwnDisk;',
    tests: OWN_DISKS,
  },
  {
    why: 'a disk that leads out is not repaired',
    file: 'src/vm/pending/settle.ts',
    find: '  if (disk.externalData || disk.encrypted) return;\n',
    replace: '  void disk;\n',
    tests: OWN_DISKS,
  },
  {
    why: 'xz writes no more than the file says',
    file: 'src/vm/images/extract-xz.ts',
    find: '`--fsize=${limit}`',
    replace: '`--fsize=${limit * 1000}`',
    tests: ['test/vm/images/extract-xz.test.ts'],
  },
];
