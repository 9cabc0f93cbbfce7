import { decodeAttributes, encodeAttributes, encodeString, type Attributes } from './attributes.js';
import type { Answer, AskOptions, SftpConnection } from './connection.js';
import { LONGEST_HANDLE, MESSAGE, OPEN, POSIX_RENAME, STATUS } from './protocol.js';
import { SftpProtocolError, string, uint32, uint64 } from './wire.js';

/** What a server refused. */
export class SftpStatusError extends Error {
  override readonly name = 'SftpStatusError';
  /** One of {@link STATUS}, or another number. */
  readonly status: number;

  /** @param text the server's own words; they may be anything */
  constructor(status: number, text: string) {
    super(text);
    this.status = status;
  }
}

/** A name in a folder, and what it stands for: a link is the link itself. */
export interface Entry {
  readonly name: Buffer;
  readonly attributes: Attributes;
}

/** An open file or folder of the server. */
export type Handle = Buffer & { readonly brand?: 'handle' };

/**
 * The calls of SFTP 3. Paths are bytes; a relative one is in the home folder. Each throws SftpStatusError when the
 * server refuses it, SftpProtocolError when the connection has ended, and MultipassError ABORTED.
 */
export class SftpClient {
  readonly #connection: SftpConnection;
  readonly #extensions: ReadonlySet<string>;

  constructor(connection: SftpConnection, extensions: ReadonlySet<string>) {
    this.#connection = connection;
    this.#extensions = extensions;
  }

  async openToRead(path: Buffer): Promise<Handle> {
    return await this.#open(path, OPEN.read, {});
  }

  /** Makes a file that is not there yet, for its owner alone. */
  async create(path: Buffer): Promise<Handle> {
    return await this.#open(path, OPEN.write | OPEN.create | OPEN.exclusive, { mode: 0o600 });
  }

  /** Opens what is there, such as a device, to write to it. */
  async openToWrite(path: Buffer): Promise<Handle> {
    return await this.#open(path, OPEN.write, {});
  }

  async close(handle: Handle, options?: AskOptions): Promise<void> {
    await this.#do(MESSAGE.close, string(handle), options);
  }

  /** @returns null at the end of the file; fewer bytes than asked for are no end */
  async read(handle: Handle, offset: number, length: number): Promise<Buffer | null> {
    const fields = [...string(handle), uint64(offset), uint32(length)];
    const answer = await this.#connection.ask(MESSAGE.read, fields);
    if (isEnd(answer)) return null;
    const data = expected(answer, MESSAGE.data).string();
    if (data.length > length || data.length === 0) {
      throw new SftpProtocolError(`it sent ${data.length} bytes where it was asked for ${length}`);
    }
    return data;
  }

  async write(handle: Handle, offset: number, data: Uint8Array): Promise<void> {
    await this.#do(MESSAGE.write, [...string(handle), uint64(offset), ...string(data)]);
  }

  /** What a path leads to. */
  async stat(path: Buffer): Promise<Attributes> {
    return await this.#attributes(MESSAGE.stat, path);
  }

  /** What is at a path: a link itself. */
  async lstat(path: Buffer): Promise<Attributes> {
    return await this.#attributes(MESSAGE.lstat, path);
  }

  async fstat(handle: Handle): Promise<Attributes> {
    return await this.#attributes(MESSAGE.fstat, handle);
  }

  async setstat(path: Buffer, attributes: Attributes): Promise<void> {
    await this.#do(MESSAGE.setstat, [encodeString(path), encodeAttributes(attributes)]);
  }

  async fsetstat(handle: Handle, attributes: Attributes): Promise<void> {
    await this.#do(MESSAGE.fsetstat, [encodeString(handle), encodeAttributes(attributes)]);
  }

  async mkdir(path: Buffer, mode: number): Promise<void> {
    await this.#do(MESSAGE.mkdir, [encodeString(path), encodeAttributes({ mode })]);
  }

  async remove(path: Buffer, options?: AskOptions): Promise<void> {
    await this.#do(MESSAGE.remove, string(path), options);
  }

  /** Renames, in the place of what is there; where the server cannot do that in one step, it is in two. */
  async rename(from: Buffer, to: Buffer): Promise<void> {
    if (this.#extensions.has(POSIX_RENAME)) {
      await this.#do(MESSAGE.extended, [
        encodeString(Buffer.from(POSIX_RENAME)),
        ...[from, to].map(encodeString),
      ]);
      return;
    }
    await this.remove(to).catch((error: unknown) => {
      if (!(error instanceof SftpStatusError)) throw error;
    });
    await this.#do(MESSAGE.rename, [from, to].map(encodeString));
  }

  /** @param target what the link says. OpenSSH has the two the other way round than the draft, and so has everybody */
  async symlink(path: Buffer, target: Buffer): Promise<void> {
    await this.#do(MESSAGE.symlink, [target, path].map(encodeString));
  }

  /** What a link says. */
  async readlink(path: Buffer): Promise<Buffer> {
    return await this.#onePath(MESSAGE.readlink, path);
  }

  /** The absolute path of what a path leads to. */
  async realpath(path: Buffer): Promise<Buffer> {
    return await this.#onePath(MESSAGE.realpath, path);
  }

  /**
   * Lists a folder, without `.` and `..`; in the order of the server.
   * @param most of more names than that it is no folder to be listed
   * @throws SftpProtocolError for names that are none: empty, or with a slash or a NUL in them
   */
  async list(path: Buffer, most: number): Promise<Entry[]> {
    const handle = this.#handle(await this.#connection.ask(MESSAGE.opendir, string(path)));
    const entries = new Map<string, Entry>();
    try {
      for (let seen = 0; ;) {
        const answer = await this.#connection.ask(MESSAGE.readdir, string(handle));
        if (isEnd(answer)) return [...entries.values()];
        const names = this.#names(answer);
        seen += names.length;
        if (names.length === 0 || seen > most)
          throw new SftpProtocolError('it lists a folder without end');
        for (const entry of names) {
          const name = entry.name.toString('latin1');
          if (name === '.' || name === '..') continue;
          if (/^$|[/\0]/.test(name)) {
            throw new SftpProtocolError(
              `${JSON.stringify(entry.name.toString())} is no name of a file`,
            );
          }
          // One that is renamed meanwhile may be listed twice.
          if (!entries.has(name)) entries.set(name, entry);
        }
      }
    } finally {
      await this.close(handle, { anyway: true }).catch(() => undefined);
    }
  }

  async #open(path: Buffer, flags: number, attributes: Attributes): Promise<Handle> {
    const fields = [encodeString(path), uint32(flags), encodeAttributes(attributes)];
    return this.#handle(await this.#connection.ask(MESSAGE.open, fields));
  }

  #handle(answer: Answer): Handle {
    const handle = expected(answer, MESSAGE.handle).string();
    if (handle.length > LONGEST_HANDLE) throw new SftpProtocolError('a handle is too long');
    return Buffer.from(handle);
  }

  async #attributes(type: number, about: Buffer): Promise<Attributes> {
    const answer = await this.#connection.ask(type, string(about));
    return decodeAttributes(expected(answer, MESSAGE.attributes));
  }

  async #onePath(type: number, path: Buffer): Promise<Buffer> {
    const [entry, ...more] = this.#names(await this.#connection.ask(type, string(path)));
    const isOne = entry !== undefined && more.length === 0;
    if (!isOne || entry.name.length === 0 || entry.name.includes(0)) {
      throw new SftpProtocolError('it was asked for one path, and sent none');
    }
    return entry.name;
  }

  #names(answer: Answer): Entry[] {
    const reader = expected(answer, MESSAGE.name);
    const entries: Entry[] = [];
    // Each takes bytes of the message, so a count that lies ends with it.
    for (let left = reader.uint32(); left > 0; left--) {
      const name = Buffer.from(reader.string());
      // The line that `ls -l` would show.
      reader.string();
      entries.push({ name, attributes: decodeAttributes(reader) });
    }
    return entries;
  }

  async #do(type: number, fields: readonly Uint8Array[], options?: AskOptions): Promise<void> {
    const answer = await this.#connection.ask(type, fields, options);
    if (answer.type !== MESSAGE.status)
      throw new SftpProtocolError(`it answers with a ${answer.type}`);
    const status = answer.reader.uint32();
    if (status !== STATUS.ok) throw refusal(status, answer);
  }
}

function isEnd({ type, reader }: Answer): boolean {
  if (type !== MESSAGE.status) return false;
  const status = reader.uint32();
  if (status === STATUS.eof) return true;
  throw refusal(status, { type, reader });
}

function expected(answer: Answer, type: number): Answer['reader'] {
  if (answer.type === type) return answer.reader;
  if (answer.type !== MESSAGE.status) {
    throw new SftpProtocolError(`it answers with a ${answer.type} in place of a ${type}`);
  }
  throw refusal(answer.reader.uint32(), answer);
}

function refusal(status: number, { reader }: Answer): SftpStatusError {
  // Some servers end here.
  return new SftpStatusError(status, reader.left === 0 ? '' : reader.string().toString('utf8'));
}
