import { open, stat } from 'node:fs/promises';
import { ExecError, fromSystemError, hasCode, MultipassError } from '../../errors.js';
import { formatMemorySize } from '../../memory-size.js';
import { findProgram, notInstalled } from '../../process/programs.js';
import { run } from '../../process/run.js';
import { sandboxProblem } from '../../process/sandbox-probe.js';
import { sandboxWords } from '../../process/sandbox.js';
import type { Work } from '../../work.js';
import { requireSpace, spaceLeft } from '../disks/free-space.js';
import { imageInvalid } from './image-invalid.js';

const POLL_MS = 200;

/** The largest file that is unpacked: far more than any image has. */
const LARGEST = 1024 ** 4;

/** Enough for every preset of xz, and no strain on a host that runs guests. */
const MEMORY = '1GiB';

/** What is unpacked to where. */
export interface ExtractOptions {
  readonly source: string;
  /** Must not exist. What is left of it after a failure is the caller's to remove. */
  readonly target: string;
  /** Its URL or path, for messages. */
  readonly origin: string;
  /** Its phase is told how much is unpacked. */
  readonly work: Work;
}

/**
 * Unpacks a file by xz(1), in a sandbox where there is one. xz writes to the file itself, so that it leaves holes for
 * zeros. How large it will be is compared with the room beforehand, and whatever the packed file says of that, the
 * kernel lets xz write no more than that, or than there is room for when it says nothing.
 * @throws MultipassError IMAGE_INVALID when it is damaged, or larger than it says or can be; DISK_FULL, TOOL_MISSING,
 *   TOOL_FAILED, ABORTED, IO_ERROR
 */
export async function extractXz(options: ExtractOptions): Promise<void> {
  const { source, target, origin, work } = options;
  const { signal } = work;
  await requireSpace(target, (await stat(source)).size);
  const total = await unpackedSize(source, signal);
  if (total !== null && total > LARGEST) {
    throw imageInvalid(origin, `it is larger than can be: ${formatMemorySize(total)} unpacked`);
  }
  if (total !== null) await requireSpace(target, total);
  const limit = total ?? Math.min(LARGEST, await spaceLeft(target));
  const file = await open(target, 'wx', 0o600).catch((error: unknown) => {
    throw fromSystemError(error, 'unpack the image', target);
  });
  const timer = setInterval(() => {
    if (total === null) return;
    const tell = ({ size }: { size: number }) => work.advance(Math.min(1, size / total));
    file.stat().then(tell, () => undefined);
  }, POLL_MS);
  try {
    const args = [`--memlimit-decompress=${MEMORY}`, '-dc', '--', source];
    await run(
      'prlimit',
      [`--fsize=${limit}`, '--', ...(await confinedReader('xz', source)), ...args],
      {
        ...{ stdout: file.fd, signal, called: 'xz', endsWhole: true },
      },
    );
  } catch (error) {
    throw meaningOf(error, options, total);
  } finally {
    clearInterval(timer);
    await file.close();
  }
}

/**
 * The words that run a program which unpacks; it reads no other file but what it is given, so it may be run without a
 * sandbox, too.
 * @throws MultipassError TOOL_MISSING
 */
export async function confinedReader(name: 'xz' | 'zstd', source: string): Promise<string[]> {
  const program = findProgram(name);
  if (program === undefined) throw notInstalled(name);
  if ((await sandboxProblem(program)) !== undefined) return [program];
  // Root may read what belongs to somebody else.
  const capabilities = ['DAC_OVERRIDE'];
  return [
    ...(await sandboxWords({ programs: [program], readOnly: [source], capabilities })),
    program,
  ];
}

function meaningOf(
  error: unknown,
  { origin, target }: ExtractOptions,
  total: number | null,
): unknown {
  if (!(error instanceof ExecError)) {
    if (!hasCode(error, 'DISK_FULL')) return error;
    return noRoom(origin, target, error);
  }
  if (error.stderr.includes('File too large')) {
    if (total === null) return noRoom(origin, target, error);
    return imageInvalid(origin, `it is larger than it says, which is ${formatMemorySize(total)}`);
  }
  // What it is killed by says nothing of the image.
  if (error.exitCode !== 1 && error.exitCode !== 2) return error;
  const words = error.stderr.trim().split('\n').at(-1) ?? '';
  return imageInvalid(origin, `it cannot be unpacked: ${words}`, { cause: error });
}

function noRoom(origin: string, target: string, cause: unknown): MultipassError {
  return new MultipassError('DISK_FULL', `no space left to unpack "${origin}"`, {
    hint: 'Free some space, for example with `multipass purge`, then try again.',
    details: { path: target },
    cause,
  });
}

/** As the file says; null when it does not. */
async function unpackedSize(
  source: string,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const options = { signal, okExitCodes: [0, 1], called: 'xz' };
  const [file = 'xz', ...words] = await confinedReader('xz', source);
  const { stdout } = await run(file, [...words, '--robot', '--list', '--', source], options);
  const size = /^totals\t\d+\t\d+\t\d+\t(\d+)\t/m.exec(stdout)?.[1];
  return size === undefined || size === '0' ? null : Number(size);
}
