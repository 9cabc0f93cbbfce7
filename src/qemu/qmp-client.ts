import { parseJson } from '../files/json.js';
import type { Socket } from 'node:net';
import { throwIfAborted } from '../abort.js';
import { MultipassError } from '../errors.js';
import { log } from '../log.js';
import { connectUnixSocket } from './unix-socket.js';

/** Something that QEMU tells by itself: `SHUTDOWN`, `STOP`, `JOB_STATUS_CHANGE`, … */
export interface QmpEvent {
  readonly event: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Pending {
  readonly command: string;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** QEMU serves one client at a time: another command that talks to it is given this long to finish. */
const GREETING_MS = 60_000;
/** QEMU nests what it says of a disk once more for each of its bases, and has a file open for each of those. */
const DEEPEST_ANSWER = 4096;
const LONGEST_ANSWER = 64 * 1024 ** 2;

/**
 * A conversation with a running QEMU over its QMP socket (QEMU's docs/interop/qmp-spec.txt). Closed by `await using`.
 */
export class QmpClient implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #greeted: Promise<void>;
  #greet: () => void = () => undefined;
  #text = '';
  #nextId = 1;
  #closed = false;
  /** Why we have hung up, where it was not QEMU. */
  #unreadable: MultipassError | undefined;
  /** Resolves when QEMU has hung up, which it does when it ends. */
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#greeted = new Promise((resolve) => (this.#greet = resolve));
    socket.setEncoding('utf8');
    socket.on('data', (chunk: string) => this.#read(chunk));
    // A broken connection is told by `close`, which always follows.
    socket.on('error', (error) => log('debug', 'qmp', error.message));
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#closed = true;
        for (const { command, reject } of this.#pending.values()) {
          reject(this.#unreadable ?? new QemuHungUp(command));
        }
        this.#pending.clear();
        resolve();
      });
    });
  }

  /**
   * Connects to the socket `name` in `folder`, and is greeted.
   * @throws MultipassError QMP_FAILED when nobody greets within a minute; ABORTED; the system's ENOENT or ECONNREFUSED
   *   when no QEMU listens
   */
  static async connect(folder: string, name: string, signal?: AbortSignal): Promise<QmpClient> {
    throwIfAborted(signal);
    const client = await connectUnixSocket(folder, name, (socket) => new QmpClient(socket));
    try {
      await client.#negotiate(signal);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** True once QEMU has hung up. */
  hasEnded(): boolean {
    return this.#closed;
  }

  /**
   * Runs one command.
   * @returns what QEMU answers, of which nothing is checked
   * @throws MultipassError QMP_FAILED with QEMU's own words, when it has ended, or said what cannot be read: then it is
   *   hung up
   */
  async execute(command: string, args?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed) throw this.#unreadable ?? new QemuHungUp(command);
    const id = this.#nextId;
    this.#nextId += 1;
    const message = { execute: command, ...(args === undefined ? {} : { arguments: args }), id };
    log('debug', 'qmp', JSON.stringify(message));
    return await new Promise((resolve, reject) => {
      this.#pending.set(id, { command, resolve, reject });
      this.#socket.write(`${JSON.stringify(message)}\n`);
    });
  }

  /** Calls `listener` with every event from now on, until the returned function is called. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  close(): void {
    this.#socket.destroy();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
    await this.closed;
  }

  async #negotiate(signal: AbortSignal | undefined): Promise<void> {
    // It may have fired while we connected.
    throwIfAborted(signal);
    let timer: NodeJS.Timeout | undefined;
    const tooLate = new Promise<never>((_, reject) => {
      const fail = (): void => reject(busy());
      timer = setTimeout(fail, GREETING_MS);
    });
    const onAbort = (): void => this.close();
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      const gone = this.closed.then(() => {
        throw this.#unreadable ?? new QemuHungUp('qmp_capabilities');
      });
      await Promise.race([this.#greeted, tooLate, gone]);
      await this.execute('qmp_capabilities');
    } catch (error) {
      throwIfAborted(signal);
      throw error;
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    }
  }

  #read(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    for (const line of lines) if (line.trim() !== '') this.#take(line);
    if (this.#text.length > LONGEST_ANSWER) this.#hangUp('it has no end');
  }

  /** What cannot be read may be an answer that somebody waits for. */
  #hangUp(why: string): void {
    this.#unreadable ??= new MultipassError('QMP_FAILED', `what QEMU says cannot be read: ${why}`, {
      hint: 'Try again; if it cannot be read again, stop the instance and start it again.',
    });
    this.close();
  }

  #take(line: string): void {
    let message: Readonly<Record<string, unknown>>;
    try {
      message = asObject(parseJson(line, DEEPEST_ANSWER));
    } catch (error) {
      this.#hangUp(error instanceof Error ? error.message : String(error));
      return;
    }
    if ('QMP' in message) {
      this.#greet();
      return;
    }
    if (typeof message['event'] === 'string') {
      log('debug', 'qmp', line);
      const event = { event: message['event'], data: asObject(message['data']) };
      for (const listener of [...this.#listeners]) listener(event);
      return;
    }
    const id = Number(message['id']);
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    if (!('error' in message)) {
      pending.resolve(message['return']);
      return;
    }
    const { desc } = asObject(message['error']);
    pending.reject(refused(pending.command, typeof desc === 'string' ? desc : line));
  }
}

/** The object that a value is, or an empty one. */
export function asObject(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function refused(command: string, description: string): MultipassError {
  return new MultipassError('QMP_FAILED', `QEMU refused "${command}": ${description}`, {
    hint: 'Try again; if QEMU still refuses, stop the instance and start it again.',
    details: { command, description },
  });
}

/** A command that QEMU will not answer any more, for it has hung up. */
export class QemuHungUp extends MultipassError {
  override readonly name = 'QemuHungUp';

  constructor(command: string) {
    super('QMP_FAILED', `QEMU ended before it answered "${command}"`, {
      hint: 'See "run/qemu.log" in the folder of the instance for why, then start the instance again.',
      details: { command },
    });
  }
}

function busy(): MultipassError {
  return new MultipassError('QMP_FAILED', 'QEMU does not answer on its control socket', {
    hint:
      'Another command may be talking to it: try again, or power the instance off with force (`multipass ' +
      'stop --force`).',
  });
}
