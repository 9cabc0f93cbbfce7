import { randomUUID } from 'node:crypto';
import { createReadStream, readSync } from 'node:fs';
import { open, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { createGunzip } from 'node:zlib';
import { throwIfAborted } from '../../abort.js';
import { ExecError, fromSystemError, MultipassError } from '../../errors.js';
import { partsWithData } from '../../files/parts-with-data.js';
import { withRegularFile } from '../../files/regular-file.js';
import { run } from '../../process/run.js';
import type { Work } from '../../work.js';
import { spaceLeft } from '../disks/free-space.js';
import { confinedReader, extractXz } from '../images/extract-xz.js';
import { artifactInvalid } from '../travel/artifact-error.js';

/** What is unpacked, and where to. */
export interface UnpackRequest {
  readonly path: string;
  readonly origin: string;
  /** A folder in staging. */
  readonly folder: string;
  readonly work: Work;
}

type Packing = 'gzip' | 'xz' | 'zstd';

const MAGICS: readonly (readonly [Packing, Buffer])[] = [
  ['gzip', Buffer.from([0x1f, 0x8b, 8])],
  ['xz', Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0])],
  ['zstd', Buffer.from([0x28, 0xb5, 0x2f, 0xfd])],
];
/** An archive that is packed, and a disk in it. */
const MOST_TIMES = 2;

/**
 * Unpacks what is packed with gzip, xz or zstd, as its first bytes tell, into a new file; what is not packed stays
 * where it is. No more is ever written than there is room for.
 * @returns the path of the file that is not packed
 * @throws MultipassError ARTIFACT_INVALID, IMAGE_INVALID, DISK_FULL, TOOL_MISSING, ABORTED
 */
export async function unpack(request: UnpackRequest): Promise<string> {
  const { origin, folder, work } = request;
  let { path } = request;
  for (let times = 0; ; times += 1) {
    const packing = packingOf(path, origin);
    if (packing === undefined) return path;
    if (times === MOST_TIMES) throw artifactInvalid(origin, 'it is packed again and again');
    const target = join(folder, `unpacked-${randomUUID()}`);
    work.begin('extracting');
    const source = { source: path, target, origin, work };
    if (packing === 'gzip') await gunzip(source);
    else if (packing === 'xz') await extractXz(source);
    else await unzstd(source);
    if (path !== request.path) await rm(path, { force: true });
    path = target;
  }
}

/** The first bytes of a file. @throws MultipassError ARTIFACT_INVALID for what is no regular file */
export function firstBytes(path: string, length: number, origin: string): Buffer {
  const unfit = (problem: string): Error => artifactInvalid(origin, `it is ${problem}`);
  try {
    return withRegularFile(path, unfit, ({ descriptor, size }) => {
      const data = Buffer.alloc(Math.min(length, size));
      return data.subarray(0, readSync(descriptor, data, 0, data.length, 0));
    });
  } catch (error) {
    throw fromSystemError(error, 'read', path);
  }
}

function packingOf(path: string, origin: string): Packing | undefined {
  const start = firstBytes(path, 8, origin);
  return MAGICS.find(([, magic]) => start.subarray(0, magic.length).equals(magic))?.[0];
}

interface OneStep {
  readonly source: string;
  readonly target: string;
  readonly origin: string;
  readonly work: Work;
}

async function gunzip({ source, target, origin, work }: OneStep): Promise<void> {
  const limit = await spaceLeft(target);
  const { size } = await stat(source);
  const packed = createReadStream(source, { highWaterMark: 1024 ** 2 });
  const plain = packed.pipe(createGunzip());
  packed.on('error', (error) => plain.destroy(error));
  let at = 0;
  try {
    await using file = await open(target, 'wx', 0o600);
    for await (const chunk of plain) {
      throwIfAborted(work.signal);
      const piece = chunk as Buffer;
      if (at + piece.length > limit) throw tooLarge(origin, target);
      for (const [start, end] of partsWithData(piece)) {
        await file.write(piece, start, end - start, at + start);
      }
      at += piece.length;
      work.advance(Math.min(1, packed.bytesRead / Math.max(1, size)));
    }
    await file.truncate(at);
  } catch (error) {
    if (isOfZlib(error)) {
      throw artifactInvalid(origin, `it cannot be unpacked: ${(error as Error).message}`);
    }
    throw fromSystemError(error, 'unpack', target);
  } finally {
    packed.destroy();
  }
}

function isOfZlib(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  return /^(?:Z_|ERR_ZLIB)/.test(code);
}

/** Memory of zstd for what was packed with a long window: 128 MiB of it, and no more. */
const WINDOW = '--memory=256MB';

async function unzstd({ source, target, origin, work }: OneStep): Promise<void> {
  const limit = await spaceLeft(target);
  await using file = await open(target, 'wx', 0o600).catch((error: unknown) => {
    throw fromSystemError(error, 'unpack', target);
  });
  const words = [...(await confinedReader('zstd', source)), '-q', '-d', '-c', WINDOW, '--', source];
  try {
    await run('prlimit', [`--fsize=${limit}`, '--', ...words], {
      ...{ stdout: file.fd, signal: work.signal, called: 'zstd', endsWhole: true },
    });
  } catch (error) {
    if (!(error instanceof ExecError)) throw error;
    if (error.stderr.includes('File too large')) throw tooLarge(origin, target);
    if (error.exitCode !== 1) throw error;
    const words = error.stderr.trim().split('\n').at(-1) ?? '';
    throw artifactInvalid(origin, `it cannot be unpacked: ${words}`);
  }
}

function tooLarge(origin: string, path: string): MultipassError {
  return new MultipassError('DISK_FULL', `no space left to unpack "${origin}"`, {
    hint: 'Free some space, for example with `multipass purge`, then try again.',
    details: { path },
  });
}
