import { MultipassError } from '../../../errors.js';
import type { ConnectedProgram } from '../../../process/connect.js';
import { SftpClient } from './client.js';
import { SftpConnection } from './connection.js';
import { SftpHungUpError } from './wire.js';

/** How long the program may take to end by itself: everything that mattered has been answered. */
const PATIENCE_MS = 500;

/** An SFTP server that is talked to over a program, such as ssh. Dispose of it (`await using`). */
export class SftpSession implements AsyncDisposable {
  readonly client: SftpClient;
  readonly #program: ConnectedProgram;
  readonly #connection: SftpConnection;

  private constructor(client: SftpClient, connection: SftpConnection, program: ConnectedProgram) {
    this.client = client;
    this.#connection = connection;
    this.#program = program;
  }

  /**
   * Begins to talk; the program has ended when this rejects.
   * @throws SftpProtocolError, ABORTED
   */
  static async begin(program: ConnectedProgram, signal?: AbortSignal): Promise<SftpSession> {
    try {
      const { connection, extensions } = await SftpConnection.open(program, signal);
      return new SftpSession(new SftpClient(connection, extensions), connection, program);
    } catch (error) {
      // Who has hung up ends by itself, and has a reason.
      if (!(error instanceof SftpHungUpError)) program.stop();
      await endOf(program);
      throw error;
    }
  }

  /** Ends the connection; resolves when the program has ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#connection.end(new MultipassError('ABORTED', 'the connection is closed'));
    await endOf(this.#program);
  }
}

/** Waits for a program whose stdin has ended, for a moment. */
async function endOf(program: ConnectedProgram): Promise<void> {
  program.output.end();
  const late = setTimeout(() => program.stop(), PATIENCE_MS);
  await program.ended;
  clearTimeout(late);
}
