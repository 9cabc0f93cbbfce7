import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, throwIfAborted } from '../abort.js';
import { errnoOf, MultipassError, hasCode } from '../errors.js';
import { findProgram, notInstalled } from '../process/programs.js';
import { spawnDetached, WRITE_PID_FILE, type DetachedProcess } from '../process/detach.js';
import { keepConsole } from './console-log.js';
import { RUN_SOCKETS } from './machine.js';
import { QmpClient } from './qmp-client.js';

/** Which QEMU is started, and where. */
export interface StartRequest {
  /** The program: `qemu-system-x86_64`. */
  readonly program: string;
  readonly args: readonly string[];
  /** The words of a program that becomes it; none by default. */
  readonly through?: readonly string[] | undefined;
  /** Its working directory: the instance's folder. */
  readonly folder: string;
  /** Name of the folder in it for what belongs to this run. */
  readonly run: string;
  /** The open file that holds the instance's kernel lock: QEMU keeps it until the kernel closes it. */
  readonly lock: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A QEMU that answers, and has not begun to run its guest. */
export interface StartedQemu {
  readonly client: QmpClient;
  readonly pid: number;
}

/** The shell writes who it is before it becomes QEMU: so there is a pid file whenever there is a QEMU. */
const BECOME_QEMU = `pidfile=$1; shift
${WRITE_PID_FILE} && unset PWD OLDPWD && exec "$@"`;

const POLL_MS = 20;

/**
 * Starts QEMU as a process of its own, and talks to it over QMP. It lives on when we end; on an error or abort it is
 * dead when this rejects.
 * @throws MultipassError QEMU_FAILED with QEMU's own words; DISK_IN_USE, TOOL_MISSING, ABORTED
 */
export async function startQemu(request: StartRequest): Promise<StartedQemu> {
  const { program, args, through = [], folder, run, lock, signal } = request;
  throwIfAborted(signal);
  const log = join(folder, run, 'qemu.log');
  const output = await open(log, 'w', 0o600);
  const become = ['-c', BECOME_QEMU, 'sh', `${run}/qemu.pid`, ...through, program, ...args];
  let qemu: DetachedProcess;
  try {
    const console = await keepConsole(join(folder, run), output.fd);
    try {
      const fds = [lock, console];
      const env = cleanEnvironment();
      qemu = await spawnDetached('/bin/sh', become, { cwd: folder, output: output.fd, fds, env });
    } finally {
      console.destroy();
    }
  } finally {
    await output.close();
  }
  try {
    return { client: await connectWhenReady(request, qemu, log), pid: qemu.pid };
  } catch (error) {
    await qemu.kill();
    throw error;
  }
}

/** What whoever starts it has in its environment, QEMU has no use for: it may hold passwords. */
function cleanEnvironment(): Record<string, string> {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
}

async function connectWhenReady(
  { folder, run, program, through = [], signal }: StartRequest,
  qemu: DetachedProcess,
  log: string,
): Promise<QmpClient> {
  for (;;) {
    if (qemu.hasEnded()) {
      const how = await qemu.ended;
      throw (
        missingProgram([...through.slice(0, 1), program], how) ??
        startFailure(program, how, await lastWords(log))
      );
    }
    try {
      return await QmpClient.connect(join(folder, run), RUN_SOCKETS.qmp, signal);
    } catch (error) {
      const isTooEarly = errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ECONNREFUSED';
      // It may say why it ends after it has hung up.
      const isEnding = hasCode(error, 'QMP_FAILED');
      if (!isTooEarly && !(isEnding && (await endsSoon(qemu)))) throw error;
    }
    await sleep(POLL_MS, signal);
  }
}

async function endsSoon(qemu: DetachedProcess): Promise<boolean> {
  return await Promise.race([qemu.ended.then(() => true), sleep(1000).then(() => false)]);
}

async function lastWords(log: string): Promise<string> {
  const text = await readFile(log, 'utf8').catch(() => '');
  const lines = text
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.includes(' warning: '));
  return lines.slice(-3).join('; ');
}

/** What a shell, and what becomes another program, ends by when there is none; one that lacks a library does so too. */
function missingProgram(programs: readonly string[], how: string): MultipassError | undefined {
  if (how !== 'exit code 127') return undefined;
  const missing = programs.find((program) => findProgram(program) === undefined);
  return missing === undefined ? undefined : notInstalled(missing);
}

function startFailure(program: string, how: string, words: string): MultipassError {
  const details = { program, how, output: words };
  if (/Failed to get .*lock/.test(words)) {
    return new MultipassError('DISK_IN_USE', `another process uses the disk: ${words}`, {
      hint: 'Stop the virtual machine or the program that has it open, then try again.',
      details,
    });
  }
  return new MultipassError(
    'QEMU_FAILED',
    `${program} did not start (${how})${words === '' ? '' : `: ${words}`}`,
    { hint: 'Look at what QEMU says, mend that, then start the instance again.', details },
  );
}
