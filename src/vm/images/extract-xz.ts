import { stat, open } from 'node:fs/promises';
import { fromSystemError, MultipassError } from '../../errors.js';
import { run } from '../../process/run.js';
import type { Work } from '../../work.js';
import { requireSpace } from '../disks/free-space.js';
import { imageInvalid } from './image-invalid.js';

const POLL_MS = 200;

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
 * Unpacks a file by xz(1). xz writes to the file itself, so that it leaves holes for zeros.
 * @throws MultipassError IMAGE_INVALID when it is damaged; DISK_FULL, TOOL_MISSING, TOOL_FAILED, ABORTED, IO_ERROR
 */
export async function extractXz(options: ExtractOptions): Promise<void> {
  const { source, target, origin, work } = options;
  const { signal } = work;
  await requireSpace(target, (await stat(source)).size);
  const total = await unpackedSize(source, signal);
  const file = await open(target, 'wx', 0o600).catch((error: unknown) => {
    throw fromSystemError(error, 'unpack the image', target);
  });
  const timer = setInterval(() => {
    if (total === null) return;
    const tell = ({ size }: { size: number }) => work.advance(Math.min(1, size / total));
    file.stat().then(tell, () => undefined);
  }, POLL_MS);
  try {
    // What it is killed by says nothing of the image.
    const into = { stdout: file.fd, okExitCodes: [0, 1, 2], signal };
    const { exitCode, stderr } = await run('xz', ['-dc', '--', source], into);
    if (exitCode === 0) return;
    if (stderr.includes('No space left on device')) {
      throw new MultipassError('DISK_FULL', `no space left to unpack "${origin}"`, {
        hint: 'Free some space, for example with `multipass purge`, then try again.',
        details: { path: target },
      });
    }
    throw imageInvalid(origin, `it cannot be unpacked: ${stderr.trim().split('\n').at(-1) ?? ''}`);
  } finally {
    clearInterval(timer);
    await file.close();
  }
}

/** As the file says; null when it does not. */
async function unpackedSize(
  source: string,
  signal: AbortSignal | undefined,
): Promise<number | null> {
  const options = { signal, okExitCodes: [0, 1] };
  const { stdout } = await run('xz', ['--robot', '--list', '--', source], options);
  const size = /^totals\t\d+\t\d+\t\d+\t(\d+)\t/m.exec(stdout)?.[1];
  return size === undefined || size === '0' ? null : Number(size);
}
