import { createHash, type Hash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, lstat, open, rm, type FileHandle } from 'node:fs/promises';
import { uptime } from 'node:os';
import { errnoOf, fromSystemError } from '../../errors.js';

/** What is downloaded, and what is known of it before. */
export interface WantedFile {
  readonly url: URL;
  /** Bytes; null when that is not known. */
  readonly size: number | null;
  /** In hex; null when it cannot be verified. */
  readonly sha256: string | null;
  /** What `If-Range` is sent with, so that an unverified file is resumed only while it is the same; null: it is not. */
  readonly validator: string | null;
}

/** A file that only ever grows, and the hash of what is in it. */
export class PartFile {
  readonly mayResume: boolean;
  readonly #handle: FileHandle;
  #hash: Hash = createHash('sha256');
  #length = 0;
  #digest: string | undefined;

  private constructor(handle: FileHandle, mayResume: boolean) {
    this.#handle = handle;
    this.mayResume = mayResume;
  }

  /** Opens or makes it; what cannot be gone on with is dropped. */
  static async open(path: string, wanted: WantedFile): Promise<PartFile> {
    try {
      await makeWritable(path);
      const { O_RDWR, O_CREAT, O_NOFOLLOW } = constants;
      const handle = await open(path, O_RDWR | O_CREAT | O_NOFOLLOW, 0o600);
      const mayResume = wanted.sha256 !== null || wanted.validator !== null;
      const file = new PartFile(handle, mayResume);
      const { size, mtimeMs } = await handle.stat();
      // Before a reboot, perhaps by a power cut, a file may have got its length and not its content.
      const isTrusted = wanted.sha256 !== null || mtimeMs > Date.now() - uptime() * 1000;
      if (mayResume && isTrusted && size <= (wanted.size ?? size)) await file.#readBack();
      else await file.reset();
      return file;
    } catch (error) {
      throw fromSystemError(error, 'keep what is downloaded', path);
    }
  }

  get length(): number {
    return this.#length;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#hash.update(chunk);
    for (let written = 0; written < chunk.length;) {
      const position = this.#length + written;
      const rest = chunk.subarray(written);
      written += (await this.#handle.write(rest, 0, rest.length, position)).bytesWritten;
    }
    this.#length += chunk.length;
  }

  async reset(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash('sha256');
    this.#length = 0;
    this.#digest = undefined;
  }

  /** In hex, of the whole file. Nothing can be appended after. */
  digest(): string {
    return (this.#digest ??= this.#hash.digest('hex'));
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #readBack(): Promise<void> {
    const buffer = Buffer.allocUnsafe(1024 * 1024);
    for (;;) {
      const { bytesRead } = await this.#handle.read(buffer, 0, buffer.length, this.#length);
      if (bytesRead === 0) return;
      this.#hash.update(buffer.subarray(0, bytesRead));
      this.#length += bytesRead;
    }
  }
}

/** A part that has become an image's disk, or an instance's base, is never written to again. */
async function makeWritable(path: string): Promise<void> {
  try {
    const { nlink } = await lstat(path);
    await (nlink > 1 ? rm(path) : chmod(path, 0o600));
  } catch (error) {
    if (errnoOf(error) !== 'ENOENT') throw error;
  }
}
