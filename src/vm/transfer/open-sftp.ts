import { ExecError, MultipassError } from '../../errors.js';
import { connectProgram, type ConnectedProgram } from '../../process/connect.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { requireGuest } from '../guest/open-guest.js';
import { sshFailure, SSH_FAILED, sshWords, type Guest } from '../guest/ssh.js';
import { readSshLog } from '../guest/ssh-log.js';
import { wasTurnedAway, whileTurnedAway } from '../guest/turned-away.js';
import { lookAt } from '../open.js';
import type { SftpClient } from './sftp/client.js';
import { SftpSession } from './sftp/session.js';
import { SftpHungUpError, SftpProtocolError } from './sftp/wire.js';

/** Whose files are meant, and who wants them. */
export interface SftpRequest {
  readonly layout: StoreLayout;
  /** Name of the instance, which runs. */
  readonly name: string;
  readonly work: Work;
}

/**
 * Lets `act` talk to the SFTP server of a running instance, over a connection of ssh of its own. When the work's signal
 * fires, all that waits for the server rejects, and the connection is there until `act` has cleaned up.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_DELETED, INSTANCE_NOT_RUNNING, GUEST_SILENT, SSH_FAILED,
 *   HOST_KEY_CHANGED, TOOL_MISSING, ABORTED; TRANSFER_FAILED when the instance has no SFTP server, or one that lies;
 *   what `act` throws
 */
export async function withSftp<Result>(
  { layout, name, work }: SftpRequest,
  act: (client: SftpClient) => Promise<Result>,
): Promise<Result> {
  const reading = lookAt(layout, name, { for: 'transfer', states: ['Running'], disk: 'any' });
  const guest = await requireGuest(layout, reading);
  const { program, session } = await connect(guest, work);
  let problem: unknown;
  try {
    return await act(session.client);
  } catch (error) {
    problem = error;
  } finally {
    await session[Symbol.asyncDispose]();
  }
  throw await meaningOf(guest, problem, program);
}

async function connect(
  guest: Guest,
  { signal }: Work,
): Promise<{ program: ConnectedProgram; session: SftpSession }> {
  return await whileTurnedAway(
    async () => {
      const [file, ...words] = sshWords(guest, ['-T', '-s'], { isTelling: true });
      const program = await connectProgram(file, [...words, 'sftp'], { cwd: guest.layout.root });
      try {
        const session = await SftpSession.begin(program, signal);
        return { turnedAway: false, result: () => ({ program, session }) };
      } catch (error) {
        const problem = await meaningOf(guest, error, program);
        const fail = (): never => {
          throw problem;
        };
        return { turnedAway: wasTurnedAway(program.words()), result: fail };
      }
    },
    { signal },
  ).then((result) => result());
}

/** What is about the connection gets its meaning from how ssh has ended. */
async function meaningOf(
  guest: Guest,
  error: unknown,
  program: ConnectedProgram,
): Promise<unknown> {
  if (!(error instanceof SftpProtocolError)) return error;
  const { name } = guest.dir;
  const exitCode = await program.ended;
  const stderr = readSshLog(program.words()).complaints;
  const hasHungUp = error instanceof SftpHungUpError;
  if (hasHungUp && exitCode === SSH_FAILED && !stderr.includes('subsystem request failed')) {
    const ended = { exitCode, stderr };
    const cause = new ExecError(`ssh failed: ${stderr}`, ended, { hint: '', cause: error });
    return sshFailure(guest, cause);
  }
  return new MultipassError(
    'TRANSFER_FAILED',
    hasHungUp
      ? `"${name}" has no SFTP server that answers: ${stderr === '' ? error.message : stderr}`
      : `the SFTP server of "${name}" cannot be believed: ${error.message}`,
    {
      hint:
        `Install one in it (\`multipass exec ${name} -- sudo apt-get install -y openssh-sftp-server\`), and see ` +
        'that no start-up file of its shell prints anything.',
      details: { name },
      cause: error,
    },
  );
}
