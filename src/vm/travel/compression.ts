import { promisify } from 'node:util';
import * as zlib from 'node:zlib';
import { MultipassError } from '../../errors.js';
import { pipeProgram } from '../../process/connect.js';
import { findProgram, notInstalled } from '../../process/programs.js';
import type { Compression } from './compression-names.js';

/** As zstd(1) and peers that were measured: much of what there is to be saved, at several times the speed of gzip. */
const ZSTD_LEVEL = 3;
/** What a compressor is used for is mostly a pipe, which is faster than a higher level. */
const GZIP_LEVEL = 1;

/** The zstd of newer versions of Node, and of Bun; those of Node 20 have none. */
interface NativeZstd {
  readonly zstdCompress?: ZstdFunction;
  readonly zstdDecompress?: ZstdFunction;
  readonly constants: object & { readonly ZSTD_c_compressionLevel?: number };
}
type ZstdFunction = (
  data: Uint8Array,
  options: Readonly<Record<string, unknown>>,
  done: (error: Error | null, result: Buffer) => void,
) => void;

const native = zlib as unknown as NativeZstd;

/** What is used unless the user says otherwise: zstd where this machine has it, else gzip. */
export function usualCompression(): Compression {
  const hasZstd = native.zstdCompress !== undefined || findProgram('zstd') !== undefined;
  return hasZstd ? 'zstd' : 'gzip';
}

/** Compresses a chunk. @throws MultipassError TOOL_MISSING without any zstd, TOOL_FAILED */
export async function compress(compression: Compression, data: Buffer): Promise<Buffer> {
  switch (compression) {
    case 'none':
      return data;
    case 'gzip':
      return await promisify(zlib.gzip)(data, { level: GZIP_LEVEL });
    case 'zstd': {
      const { zstdCompress, constants } = native;
      if (zstdCompress === undefined) {
        return await throughZstd(['-q', '-c', `-${ZSTD_LEVEL}`], data, Number.MAX_SAFE_INTEGER);
      }
      const level = constants.ZSTD_c_compressionLevel;
      const params = level === undefined ? {} : { [level]: ZSTD_LEVEL };
      return await promisify(zstdCompress)(data, { params });
    }
  }
}

/**
 * Decompresses a chunk of a stranger's, of which no more than `size` bytes is ever made.
 * @throws an error of whatever kind when it is none, or is not of that size; MultipassError TOOL_MISSING without any
 *   zstd
 */
export async function decompress(
  compression: Compression,
  data: Buffer,
  size: number,
): Promise<Buffer> {
  const plain = await decompressAtMost(compression, data, size);
  if (plain.length !== size) throw new Error(`${plain.length} bytes in place of ${size}`);
  return plain;
}

async function decompressAtMost(
  compression: Compression,
  data: Buffer,
  size: number,
): Promise<Buffer> {
  const limits = { maxOutputLength: Math.max(1, size) };
  switch (compression) {
    case 'none':
      return data;
    case 'gzip':
      return await promisify(zlib.gunzip)(data, limits);
    case 'zstd':
      if (native.zstdDecompress === undefined)
        return await throughZstd(['-q', '-d', '-c'], data, size);
      return await promisify(native.zstdDecompress)(data, limits);
  }
}

/** Runs the program zstd on bytes. What it makes of them beyond `most` ends it. */
async function throughZstd(words: readonly string[], data: Buffer, most: number): Promise<Buffer> {
  const program = findProgram('zstd');
  if (program === undefined) {
    throw notInstalled('zstd', { neededFor: 'Chunks that are compressed with zstd need it' });
  }
  const zstd = await pipeProgram(program, words, { cwd: '/' });
  const pieces: Buffer[] = [];
  let length = 0;
  zstd.input.on('data', (piece: Buffer) => {
    length += piece.length;
    if (length > most) zstd.stop();
    else pieces.push(piece);
  });
  zstd.errors.resume();
  // It may end before it has read all of it; that is told by its exit code.
  zstd.output.on('error', () => undefined);
  zstd.output.end(data);
  const code = await zstd.ended;
  if (code === 0 && length <= most) return Buffer.concat(pieces);
  throw new MultipassError('TOOL_FAILED', `zstd failed (${code})`, {
    hint: 'Try again; where it fails again, use `--compress gzip`.',
    details: { program },
  });
}
