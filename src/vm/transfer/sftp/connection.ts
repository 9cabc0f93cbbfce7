import type { Readable, Writable } from 'node:stream';
import { abortedError, throwIfAborted } from '../../../abort.js';
import { LONGEST_MESSAGE, MESSAGE, VERSION } from './protocol.js';
import { SftpHungUpError, SftpProtocolError, uint32, WireReader } from './wire.js';

/** An answer of the server: its kind, and what is in it. */
export interface Answer {
  readonly type: number;
  readonly reader: WireReader;
}

interface Asked {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** How one thing is asked. */
export interface AskOptions {
  /** Whether it is asked although the signal has fired: what cleans up. Default: false. */
  readonly anyway?: boolean | undefined;
}

/**
 * Asks an SFTP server, as many things at once as one likes, over two streams. The server is not trusted: a message that
 * is too long, that answers nothing that was asked, or that is none, ends the connection, with everything that waits.
 */
export class SftpConnection {
  readonly #output: Writable;
  readonly #signal: AbortSignal | undefined;
  readonly #asked = new Map<number, Asked>();
  /** What was asked before the signal fired, and nobody waits for. */
  readonly #abandoned = new Set<number>();
  #pieces: Buffer[] = [];
  #length = 0;
  #nextId = 1;
  #problem: Error | undefined;
  #onVersion: Asked | undefined;

  private constructor(output: Writable, signal: AbortSignal | undefined) {
    this.#output = output;
    this.#signal = signal;
  }

  /**
   * Begins to talk to a server.
   * @param signal when it fires, everything that waits rejects with ABORTED; the connection stays, to clean up
   * @returns the connection, and the names of the extensions that the server knows
   * @throws SftpProtocolError when it is no SFTP server, or hangs up; ABORTED
   */
  static async open(
    { input, output }: { readonly input: Readable; readonly output: Writable },
    signal?: AbortSignal,
  ): Promise<{ connection: SftpConnection; extensions: ReadonlySet<string> }> {
    const connection = new SftpConnection(output, signal);
    const version = new Promise<Answer>((resolve, reject) => {
      connection.#onVersion = { resolve, reject };
    });
    connection.#listen(input);
    connection.#send(Buffer.concat([Buffer.from([MESSAGE.init]), uint32(VERSION)]));
    const { reader } = await version;
    if (reader.uint32() < VERSION) throw new SftpProtocolError('its version of SFTP is too old');
    const extensions = new Set<string>();
    while (reader.left > 0) {
      extensions.add(reader.string().toString('latin1'));
      reader.string();
    }
    return { connection, extensions };
  }

  /**
   * Asks one thing.
   * @param fields what is in the message, behind its kind and its number
   * @throws SftpProtocolError when the connection has ended; ABORTED
   */
  async ask(
    type: number,
    fields: readonly Uint8Array[],
    options: AskOptions = {},
  ): Promise<Answer> {
    if (this.#problem !== undefined) throw this.#problem;
    if (options.anyway !== true) throwIfAborted(this.#signal);
    const id = this.#nextId;
    this.#nextId = (id % 0xffff_fffe) + 1;
    return await new Promise<Answer>((resolve, reject) => {
      this.#asked.set(id, { resolve, reject });
      this.#send(Buffer.concat([Buffer.from([type]), uint32(id), ...fields]));
    });
  }

  /** Ends it: everything that waits rejects with the problem, and so does all that is asked from then on. */
  end(problem: Error): void {
    this.#problem ??= problem;
    this.#rejectAll(this.#problem);
    this.#pieces = [];
    this.#output.end();
  }

  #rejectAll(reason: unknown): void {
    const waiting = [
      ...this.#asked.values(),
      ...(this.#onVersion === undefined ? [] : [this.#onVersion]),
    ];
    this.#asked.clear();
    this.#onVersion = undefined;
    for (const { reject } of waiting) reject(reason);
  }

  #send(message: Buffer): void {
    this.#output.write(uint32(message.length));
    this.#output.write(message);
  }

  #listen(input: Readable): void {
    const hungUp = (): void => this.end(new SftpHungUpError('the connection ended'));
    input.on('data', (piece: Buffer) => this.#take(piece));
    input.on('end', hungUp).on('close', hungUp).on('error', hungUp);
    this.#output.on('error', hungUp);
    const signal = this.#signal;
    if (signal === undefined) return;
    const abandon = (): void => {
      for (const id of this.#asked.keys()) this.#abandoned.add(id);
      this.#rejectAll(abortedError(signal));
    };
    signal.addEventListener('abort', abandon, { once: true });
    input.once('close', () => signal.removeEventListener('abort', abandon));
    if (signal.aborted) abandon();
  }

  #take(piece: Buffer): void {
    if (this.#problem !== undefined) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
    try {
      for (let message = this.#next(); message !== undefined; message = this.#next()) {
        this.#answer(message);
      }
    } catch (error) {
      this.end(error as Error);
    }
  }

  /** The next whole message; undefined while there is none. */
  #next(): Buffer | undefined {
    if (this.#length < 4) return undefined;
    if ((this.#pieces[0]?.length ?? 0) < 4) this.#join();
    const length = this.#pieces[0]?.readUInt32BE() ?? 0;
    if (length === 0 || length > LONGEST_MESSAGE) {
      // Its first line is what a start-up file of a shell has printed, most often.
      const [begin = ''] = Buffer.concat(this.#pieces).subarray(0, 80).toString('utf8').split('\n');
      throw new SftpProtocolError(`it sent what is no message of SFTP: ${JSON.stringify(begin)}`);
    }
    if (this.#length < 4 + length) return undefined;
    this.#join();
    const all = this.#pieces[0] ?? Buffer.alloc(0);
    const rest = all.subarray(4 + length);
    this.#pieces = rest.length === 0 ? [] : [rest];
    this.#length = rest.length;
    return all.subarray(4, 4 + length);
  }

  #join(): void {
    if (this.#pieces.length > 1) this.#pieces = [Buffer.concat(this.#pieces)];
  }

  #answer(message: Buffer): void {
    const type = message.readUInt8();
    const reader = new WireReader(message.subarray(1));
    if (this.#onVersion !== undefined) {
      if (type !== MESSAGE.version) throw new SftpProtocolError('it does not say its version');
      this.#onVersion.resolve({ type, reader });
      this.#onVersion = undefined;
      return;
    }
    const id = reader.uint32();
    const asked = this.#asked.get(id);
    if (asked === undefined && !this.#abandoned.delete(id)) {
      throw new SftpProtocolError(`it answers what nobody asked (${id})`);
    }
    this.#asked.delete(id);
    asked?.resolve({ type, reader });
  }
}
