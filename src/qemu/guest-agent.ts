import { randomInt } from 'node:crypto';
import type { Socket } from 'node:net';
import { parseJson } from '../files/json.js';
import { log } from '../log.js';
import { asObject, type QmpClient } from './qmp-client.js';
import { connectUnixSocket } from './unix-socket.js';

/** A guest that has an agent answers at once; one that has none never does. */
const PING_MS = 1000;
/** How long a guest may take to write out what it holds. */
const FREEZE_MS = 10_000;
const THAW_MS = 10_000;
/** What a guest says is not ours to believe: a longer line is none of an agent's. */
const LONGEST_LINE = 64 * 1024;
/** Makes the agent forget half a line that another one may have sent it. */
const RESET = Buffer.from([0xff]);

/**
 * A conversation with the agent in a guest (QEMU's docs/interop/qemu-ga.rst). QEMU lets one have it at a time. Nothing
 * that it says is more than an answer to what was asked.
 */
export class GuestAgent implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #waiting: ((line: string | undefined) => void)[] = [];
  #lines: string[] = [];
  #text = '';
  #ended = false;
  #mayBeFrozen = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.#read(chunk));
    socket.on('error', (error) => log('debug', 'agent', error.message));
    socket.on('close', () => this.#end());
  }

  /**
   * Connects to the agent of a guest.
   * @param folder of the socket `name`
   * @returns null when nobody answers within a second
   */
  static async find(folder: string, name: string): Promise<GuestAgent | null> {
    let agent: GuestAgent | null = null;
    try {
      agent = await connectUnixSocket(folder, name, (socket) => new GuestAgent(socket));
      if (await agent.#sync(PING_MS)) return agent;
    } catch (error) {
      log('debug', 'agent', (error as Error).message);
    }
    agent?.close();
    return null;
  }

  /** Whether its guest was asked to freeze, and has not said since that it is thawed. */
  get mayBeFrozen(): boolean {
    return this.#mayBeFrozen;
  }

  /** Has the guest write out its file systems and hold them still. @returns false when it did not, or did not say so */
  async freeze(): Promise<boolean> {
    this.#mayBeFrozen = true;
    return (await this.#ask('guest-fsfreeze-freeze', FREEZE_MS)) !== undefined;
  }

  /** Lets the guest write again. @returns false when it did not say that it does */
  async thaw(): Promise<boolean> {
    if ((await this.#ask('guest-fsfreeze-thaw', THAW_MS)) === undefined) return false;
    this.#mayBeFrozen = false;
    return true;
  }

  close(): void {
    this.#socket.destroy();
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.close();
    return Promise.resolve();
  }

  async #sync(timeoutMs: number): Promise<boolean> {
    const id = randomInt(2 ** 31);
    this.#socket.write(RESET);
    const command = { execute: 'guest-sync-delimited', arguments: { id } };
    this.#socket.write(`${JSON.stringify(command)}\n`);
    const isOurs = (line: string): boolean => answerIn(line)?.['return'] === id;
    return (await this.#lineThat(isOurs, timeoutMs)) !== undefined;
  }

  /** @returns what it answers; undefined for an error, and for no answer in time */
  async #ask(command: string, timeoutMs: number): Promise<unknown> {
    if (this.#ended) return undefined;
    log('debug', 'agent', command);
    this.#socket.write(`${JSON.stringify({ execute: command })}\n`);
    const isAnswer = (line: string): boolean => {
      const answer = answerIn(line);
      return answer !== undefined && ('return' in answer || 'error' in answer);
    };
    const line = await this.#lineThat(isAnswer, timeoutMs);
    log('debug', 'agent', line ?? 'no answer');
    return line === undefined ? undefined : answerIn(line)?.['return'];
  }

  async #lineThat(fits: (line: string) => boolean, timeoutMs: number): Promise<string | undefined> {
    const end = Date.now() + timeoutMs;
    for (;;) {
      const line = this.#lines.shift() ?? (await this.#nextLine(end - Date.now()));
      if (line === undefined || fits(line)) return line;
    }
  }

  async #nextLine(timeoutMs: number): Promise<string | undefined> {
    if (this.#ended || timeoutMs <= 0) return undefined;
    return await new Promise((resolve) => {
      const take = (line: string | undefined): void => {
        clearTimeout(timer);
        resolve(line);
      };
      const timer = setTimeout(() => {
        this.#waiting.splice(this.#waiting.indexOf(take), 1);
        resolve(undefined);
      }, timeoutMs);
      this.#waiting.push(take);
    });
  }

  #read(chunk: string): void {
    const lines = (this.#text + chunk).split('\n');
    this.#text = lines.pop() ?? '';
    if (this.#text.length > LONGEST_LINE) {
      this.#socket.destroy();
      return;
    }
    for (const line of lines) {
      const take = this.#waiting.shift();
      if (take !== undefined) take(line);
      else if (this.#lines.length < 16) this.#lines.push(line);
    }
  }

  #end(): void {
    this.#ended = true;
    for (const take of this.#waiting.splice(0)) take(undefined);
  }
}

/** Whether somebody in the guest has a port of it open. @throws MultipassError QMP_FAILED */
export async function isPortOpen(client: QmpClient, port: string): Promise<boolean> {
  const ports = await client.execute('query-chardev');
  const found = (Array.isArray(ports) ? ports : [])
    .map(asObject)
    .find(({ label }) => label === port);
  return found?.['frontend-open'] === true;
}

/** The object in a line, behind what delimits it; undefined when there is none. */
function answerIn(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = parseJson(line.slice(line.lastIndexOf('\xff') + 1));
    return asObject(value);
  } catch {
    // Not JSON, or more of it than anybody needs.
    return undefined;
  }
}
