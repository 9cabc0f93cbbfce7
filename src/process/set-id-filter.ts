/*
 * A filter of system calls (seccomp_data of linux/seccomp.h; classic BPF, linux/filter.h) for programs that make files
 * for a guest: no file of the host gets the set-user-ID or the set-group-ID bit by one of them. A guest's root may
 * otherwise make the host's root a program that anybody may run as root.
 *
 * Each rule compares the number of the call, and then the argument that has the mode. What passes a mode in memory,
 * where a filter cannot look, is not there (ENOSYS): programs take the older calls then.
 */

const SET_ID_BITS = 0o6000;
/** Of the flags of open(2): O_CREAT, and O_TMPFILE's own bit. Without one of them the mode means nothing. */
const MAKES_FILE = 0o100 | 0o20000000;
const [EPERM, ENOSYS] = [1, 38];

/** Offsets in seccomp_data. */
const NUMBER = 0;
const ARCHITECTURE = 4;
const argument = (index: number): number => 16 + 8 * index;

/** Instructions: load a word of seccomp_data, compare with a constant, return. */
const LOAD = 0x20;
const IF_EQUAL = 0x15;
const IF_AT_LEAST = 0x35;
const IF_ANY_BIT = 0x45;
const RETURN = 0x06;
const ALLOW = 0x7fff0000;
const refuse = (errno: number): number => 0x00050000 | errno;

/** The calls of one processor family: their numbers, and which arguments have the mode and the flags of open(2). */
interface Calls {
  /** AUDIT_ARCH_… of linux/audit.h. */
  readonly architecture: number;
  readonly modes: readonly (readonly [number: number, mode: number])[];
  readonly opens: readonly (readonly [number: number, flags: number, mode: number])[];
}

/** openat2, and io_uring_setup, by whose rings files can be opened, too: the same in every family. */
const HIDDEN = [437, 425];
const FCHMODAT2 = [452, 2] as const;

const FAMILIES: Readonly<Record<string, Calls>> = {
  x64: {
    architecture: 0xc000003e,
    // chmod, fchmod, fchmodat, creat, mknod, mknodat
    modes: [[90, 1], [91, 1], [268, 2], FCHMODAT2, [85, 1], [133, 1], [259, 2]],
    // open, openat
    opens: [
      [2, 1, 2],
      [257, 2, 3],
    ],
  },
  arm64: {
    architecture: 0xc00000b7,
    // fchmod, fchmodat, mknodat
    modes: [[52, 1], [53, 2], FCHMODAT2, [33, 2]],
    opens: [[56, 2, 3]],
  },
};

/** On x86-64, numbers from here on are calls of the x32 family, which no rule knows. */
const X32 = 0x40000000;

type Instruction = readonly [code: number, value: number, yes?: number, no?: number];

/**
 * The filter as bubblewrap takes it (`--seccomp`): an array of sock_filter.
 * @param arch as Node's `process.arch`
 * @returns undefined for a processor family whose calls are not known
 */
export function setIdFilter(arch: string = process.arch): Buffer | undefined {
  const calls = FAMILIES[arch];
  if (calls === undefined) return undefined;
  const program: Instruction[] = [
    // Calls of another family, such as 32-bit ones, have other numbers: none is there.
    [LOAD, ARCHITECTURE],
    [IF_EQUAL, calls.architecture, 1, 0],
    [RETURN, refuse(ENOSYS)],
    [LOAD, NUMBER],
    [IF_AT_LEAST, X32, 0, 1],
    [RETURN, refuse(ENOSYS)],
    ...HIDDEN.flatMap((number): Instruction[] => [
      [IF_EQUAL, number, 0, 1],
      [RETURN, refuse(ENOSYS)],
    ]),
    ...calls.modes.flatMap(([number, mode]): Instruction[] => [
      [IF_EQUAL, number, 0, 4],
      ...lookAtMode(mode),
    ]),
    ...calls.opens.flatMap(([number, flags, mode]): Instruction[] => [
      [IF_EQUAL, number, 0, 7],
      [LOAD, argument(flags)],
      [IF_ANY_BIT, MAKES_FILE, 1, 0],
      [RETURN, ALLOW],
      ...lookAtMode(mode),
    ]),
    [RETURN, ALLOW],
  ];
  return Buffer.concat(program.map(encode));
}

/** Ends the program: four instructions. */
function lookAtMode(mode: number): Instruction[] {
  return [
    [LOAD, argument(mode)],
    [IF_ANY_BIT, SET_ID_BITS, 0, 1],
    [RETURN, refuse(EPERM)],
    [RETURN, ALLOW],
  ];
}

function encode([code, value, yes = 0, no = 0]: Instruction): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt16LE(code, 0);
  bytes.writeUInt8(yes, 2);
  bytes.writeUInt8(no, 3);
  bytes.writeUInt32LE(value, 4);
  return bytes;
}
