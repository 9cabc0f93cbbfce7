import { MultipassError } from '../errors.js';
import { findProgram, notInstalled } from '../process/programs.js';
import { PERMIT_SANDBOX } from '../process/sandbox-hint.js';
import { sandboxProblem } from '../process/sandbox-probe.js';
import { sandboxWords } from '../process/sandbox.js';
import type { DiskFormat } from './disk-format.js';

/** What came from outside, and all that qemu-img needs for it; absolute paths. */
export interface Confined {
  /** By our own look. */
  readonly format: DiskFormat;
  readonly reads?: readonly string[] | undefined;
  /** Files that are changed, and folders that files are made in. */
  readonly writes?: readonly string[] | undefined;
}

/** The formats of which our own look has excluded everything that leads to another file. */
const LOOKED_THROUGH: readonly DiskFormat[] = ['raw', 'qcow2'];

/**
 * The words that run qemu-img on what came from outside: in a sandbox that holds the named files, and no network.
 * Where there is no sandbox, qemu-img is run as it is for those formats that cannot lead it anywhere.
 * @throws MultipassError SANDBOX_UNAVAILABLE for any other format; TOOL_MISSING when there is no qemu-img
 */
export async function confineQemuImg({
  format,
  reads = [],
  writes = [],
}: Confined): Promise<[string, ...string[]]> {
  const program = findProgram('qemu-img');
  if (program === undefined) throw notInstalled('qemu-img');
  const problem = await sandboxProblem(program);
  if (problem !== undefined) {
    if (LOOKED_THROUGH.includes(format)) return [program];
    throw unavailable(format, problem);
  }
  const [file, ...words] = await sandboxWords({
    programs: [program],
    readOnly: reads,
    writable: writes,
    // Root may read what belongs to somebody else.
    capabilities: ['DAC_OVERRIDE'],
  });
  return [file, ...words, program];
}

function unavailable(format: DiskFormat, problem: string): MultipassError {
  return new MultipassError(
    'SANDBOX_UNAVAILABLE',
    `a disk of the format ${format} is read in a sandbox only, and bubblewrap does not work here: ${problem}`,
    {
      hint:
        `Install bubblewrap. ${PERMIT_SANDBOX}; or, if you trust the disk, convert it with \`qemu-img convert -f ` +
        `${format} -O qcow2 …\`.`,
      details: { format, problem },
    },
  );
}
