import type { Calls, FsCalls } from './calls.js';

/** How calls are made that others may come between. */
export type Later = <T>(calls: Calls<T>) => Promise<T>;

/** Text, or bytes of any kind. */
export type Content = string | NodeJS.ArrayBufferView;

/** The encoding among the options of a call, in whatever way it is given. */
export function encodingOf(options: unknown): BufferEncoding | undefined {
  if (typeof options === 'string') return options as BufferEncoding;
  return (
    (options as { encoding?: BufferEncoding | null } | null | undefined)?.encoding ?? undefined
  );
}

/** What is to be written, as bytes. */
export function bytesOf(data: Content): Buffer {
  if (typeof data === 'string') return Buffer.from(data);
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength);
}

/** An open file as `node:fs/promises` has it. */
export class ModelFileHandle implements AsyncDisposable {
  readonly fd: number;
  readonly #calls: FsCalls;
  readonly #later: Later;
  #isOpen = true;

  constructor(fd: number, calls: FsCalls, later: Later) {
    this.fd = fd;
    this.#calls = calls;
    this.#later = later;
  }

  async stat(options: { bigint?: boolean } = {}): Promise<object> {
    return await this.#later(this.#calls.fstat(this.fd, options.bigint === true));
  }

  async sync(): Promise<void> {
    await this.#later(this.#calls.sync(this.fd));
  }

  async datasync(): Promise<void> {
    await this.sync();
  }

  async truncate(length = 0): Promise<void> {
    await this.#later(this.#calls.truncate(this.fd, length));
  }

  async readFile(options?: unknown): Promise<string | Buffer> {
    const data = await this.#later(this.#calls.readFile(this.fd));
    const encoding = encodingOf(options);
    return encoding === undefined ? data : data.toString(encoding);
  }

  async writeFile(data: Content): Promise<void> {
    await this.#later(this.#calls.writeFile(this.fd, bytesOf(data)));
  }

  async write(
    data: Content,
    offset: number | null = 0,
    length?: number | null,
    position: number | null = null,
  ): Promise<{ bytesWritten: number }> {
    const isText = typeof data === 'string';
    const from = isText ? 0 : (offset ?? 0);
    const bytes = bytesOf(data).subarray(from, isText ? undefined : from + (length ?? Infinity));
    const at = isText ? (offset === 0 ? null : offset) : position;
    return { bytesWritten: await this.#later(this.#calls.write(this.fd, bytes, at)) };
  }

  async read(
    into: Buffer,
    offset = 0,
    length = into.length - offset,
    position: number | null = null,
  ): Promise<{ bytesRead: number; buffer: Buffer }> {
    const part = into.subarray(offset, offset + length);
    return {
      bytesRead: await this.#later(this.#calls.read(this.fd, part, position)),
      buffer: into,
    };
  }

  async close(): Promise<void> {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    await this.#later(this.#calls.close(this.fd));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }
}
