import { randomBytes } from 'node:crypto';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { throwIfAborted } from '../../abort.js';
import { ExecError, MultipassError } from '../../errors.js';
import { pipeProgram, type PipedProgram } from '../../process/connect.js';
import type { StoreLayout } from '../../store/layout.js';
import { lookAt } from '../open.js';
import { GuestProcess, type GuestExit } from './guest-process.js';
import {
  guestScript,
  killScript,
  readAnnouncement,
  type Announcement,
  type GuestCommand,
} from './guest-script.js';
import { requireGuest } from './open-guest.js';
import { readSshLog, withSshLog } from './ssh-log.js';
import { runInGuest, SSH_FAILED, sshFailure, sshWords, type Guest } from './ssh.js';
import { wasTurnedAway, whileTurnedAway } from './turned-away.js';

/** Which program is started in which instance. */
export interface SpawnRequest extends GuestCommand {
  readonly layout: StoreLayout;
  /** Name of the instance, which runs. */
  readonly name: string;
  /** Gives the start up, and later ends the program: by SIGTERM, and with the connection. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Starts a program in a running instance, without a terminal. When too many come at once, and the guest turns it away,
 * it comes again: any number may be started side by side.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_RUNNING, GUEST_SILENT, SSH_FAILED, HOST_KEY_CHANGED,
 *   INVALID_ARGUMENT, ABORTED; COMMAND_NOT_RUN when there is no such program, folder or user
 */
export async function spawnInGuest(request: SpawnRequest): Promise<GuestProcess> {
  const { layout, name, signal } = request;
  throwIfAborted(signal);
  const reading = lookAt(layout, name, { for: 'exec', states: ['Running'], disk: 'any' });
  const guest = await requireGuest(layout, reading);
  const user = request.user === guest.user ? undefined : request.user;
  const wanted = { ...request, user };
  return await new Promise<GuestProcess>((resolve, reject) => {
    // ssh's log is there for as long as ssh is.
    withSshLog(async (log) => {
      const begun = await begin(wanted, guest, log);
      const exited = begun.program.exited.then(async (code) =>
        exitOf(code, { guest, log: await log.take() }),
      );
      resolve(processOf(wanted, guest, { ...begun, exited }));
      await exited;
    }).catch(reject);
  });
}

interface Begun {
  readonly program: PipedProgram;
  readonly pid: number;
}

type Log = Parameters<Parameters<typeof withSshLog>[0]>[0];

async function begin(request: SpawnRequest, guest: Guest, log: Log): Promise<Begun> {
  const token = randomBytes(8).toString('hex');
  const script = guestScript(request, token);
  const [file, ...words] = sshWords(guest, ['-T', ...log.words], { isTelling: true });
  const { signal } = request;
  return await whileTurnedAway(
    async () => {
      const program = await pipeProgram(file, [...words, script], { cwd: guest.layout.root });
      signal?.addEventListener('abort', program.stop, { once: true });
      try {
        const announced = await announcementIn(program.input, token);
        if (announced !== undefined && 'pid' in announced) {
          return { turnedAway: false, result: () => ({ program, pid: announced.pid }) };
        }
        const stderr = text(program.errors);
        program.input.resume();
        const code = await program.ended;
        throwIfAborted(signal);
        const told = await log.take();
        const problem = announced?.problem ?? (await stderr).trim();
        const error =
          code === SSH_FAILED
            ? sshError(guest, told)
            : notRun(request, problem === '' ? `it ended with ${code}` : problem);
        const fail = (): never => {
          throw error;
        };
        return { turnedAway: code === SSH_FAILED && wasTurnedAway(told), result: fail };
      } finally {
        signal?.removeEventListener('abort', program.stop);
      }
    },
    { signal },
  ).then((result) => result());
}

/** Reads up to the line that announces the program, and no byte further; undefined when there is none. */
async function announcementIn(stream: Readable, token: string): Promise<Announcement | undefined> {
  let seen = Buffer.alloc(0);
  const next = async (): Promise<Buffer | null> => {
    for (;;) {
      const piece = stream.read() as Buffer | null;
      if (piece !== null || stream.readableEnded || stream.destroyed) return piece;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          for (const event of ['readable', 'end', 'close']) stream.off(event, wake);
          resolve();
        };
        for (const event of ['readable', 'end', 'close']) stream.on(event, wake);
      });
    }
  };
  for (let piece = await next(); piece !== null; piece = await next()) {
    seen = Buffer.concat([seen, piece]);
    for (let end = seen.indexOf(0x0a); end >= 0; end = seen.indexOf(0x0a)) {
      const found = readAnnouncement(seen.toString('utf8', 0, end), token);
      // What a login script has written before is not the program's.
      seen = seen.subarray(end + 1);
      if (found === undefined) continue;
      if (seen.length > 0) stream.unshift(seen);
      return found;
    }
  }
  return undefined;
}

function processOf(
  request: SpawnRequest,
  guest: Guest,
  { program, pid, exited }: Begun & { readonly exited: Promise<GuestExit> },
): GuestProcess {
  const { signal, user } = request;
  const kill = async (by: NodeJS.Signals): Promise<void> => {
    await runInGuest(guest, killScript(pid, by, user), { okExitCodes: [0, 1] });
  };
  const stop = (): void => {
    kill('SIGTERM')
      .catch(() => undefined)
      .finally(program.stop);
  };
  signal?.addEventListener('abort', stop, { once: true });
  if (signal?.aborted === true) stop();
  const forget = (): void => signal?.removeEventListener('abort', stop);
  exited.then(forget, forget);
  // A program that ends before it has read all is no fault of ours.
  program.output.on('error', () => undefined);
  const { output: stdin, input: stdout, errors: stderr } = program;
  return new GuestProcess({ pid, stdin, stdout, stderr, exited, kill });
}

/** What ssh's end says of the program's. */
function exitOf(code: number | string, { guest, log }: { guest: Guest; log: string }): GuestExit {
  const isLost = typeof code === 'string' || (code === SSH_FAILED && hasComplaints(log));
  if (isLost) throw sshError(guest, log);
  return { exitCode: code, signal: signalOf(code) };
}

function hasComplaints(log: string): boolean {
  return readSshLog(log).complaints !== '';
}

function signalOf(code: number): NodeJS.Signals | null {
  const names = Object.entries(constants.signals) as [NodeJS.Signals, number][];
  return names.find(([, number]) => code === 128 + number)?.[0] ?? null;
}

function sshError(guest: Guest, log: string): MultipassError {
  const { complaints } = readSshLog(log);
  const ended = { exitCode: SSH_FAILED, stderr: complaints };
  return sshFailure(guest, new ExecError('ssh failed', ended, { hint: '' }));
}

function notRun({ name, argv, cwd, user }: SpawnRequest, why: string): MultipassError {
  const [program = ''] = argv;
  const where = why === 'no such folder' ? `: there is no folder "${cwd ?? ''}"` : '';
  const what = why === 'no such program' ? ': there is no such program' : where;
  return new MultipassError(
    'COMMAND_NOT_RUN',
    `cannot run "${program}" in "${name}"${what === '' ? `: ${why}` : what}`,
    {
      hint:
        user === undefined
          ? 'Look what the instance has, with a shell in it; a path with a "/" is taken as it is.'
          : `See that there is a user "${user}", whom the instance's own user may become by sudo without a password.`,
      details: { name, program, why },
    },
  );
}
