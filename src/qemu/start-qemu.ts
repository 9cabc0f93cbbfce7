import { open, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep, throwIfAborted } from '../abort.js';
import { makeFolder } from '../files/make-folder.js';
import { errnoOf, MultipassError, hasCode } from '../errors.js';
import { isAtWorkIn } from '../process/at-work.js';
import { findProgram, notInstalled } from '../process/programs.js';
import { spawnDetached, type DetachedProcess } from '../process/detach.js';
import { INFO_FD } from '../process/sandbox.js';
import { setIdFilter } from '../process/set-id-filter.js';
import { bootId, startTimeOf } from '../process/start-time.js';
import { keepConsole } from './console-log.js';
import { RUN_SOCKETS, SOCKETS } from './machine.js';
import { QmpClient } from './qmp-client.js';
import { isNotNow } from './unix-socket.js';

/** Which QEMU is started, and where. */
export interface StartRequest {
  /** The program: `qemu-system-x86_64`. */
  readonly program: string;
  readonly args: readonly string[];
  /** The words of a program that becomes it; none by default. */
  readonly through?: readonly string[] | undefined;
  /**
   * The words that run it in a world of its own, where it is the first process, as `sandboxWords` makes them. Default:
   * it is in ours.
   * @param filter the descriptor of its filter of system calls; undefined for none
   */
  readonly world?: ((filter: number | undefined) => Promise<readonly string[]>) | undefined;
  /**
   * Puts into its world what is to be there before it is QEMU.
   * @param pid the first process of that world, for the host, which becomes it
   */
  readonly equip?: ((pid: number) => Promise<void>) | undefined;
  /** Its working directory: the instance's folder. */
  readonly folder: string;
  /** Name of the folder in it for what belongs to this run. */
  readonly run: string;
  /** The open file that holds the instance's kernel lock: QEMU keeps it until the kernel closes it. */
  readonly lock: number | undefined;
  /** An open file that it keeps for as long as it is on a network, at whatever descriptor. Default: none. */
  readonly alive?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A QEMU that answers, and has not begun to run its guest. */
export interface StartedQemu {
  readonly client: QmpClient;
  readonly pid: number;
}

/** The descriptors behind those of the lock and the console: what QEMU is let begin by, and what its filter is in. */
const GO_FD = 5;
const FILTER_FD = 7;

/**
 * The shell waits until it is noted who it is, before it becomes QEMU: so there is a pid file whenever there is a QEMU.
 * When whoever notes it has died, it ends.
 */
const BECOME_QEMU = `read -r go <&${GO_FD} && unset PWD OLDPWD go && exec "$@" ${GO_FD}<&-`;

const POLL_MS = 20;
/** How often it is looked whether a sandbox is made, which takes some 10 ms. */
const SOON_MS = 2;

/**
 * Starts QEMU as a process of its own, and talks to it over QMP. It lives on when we end; on an error or abort it is
 * dead when this rejects.
 * @throws MultipassError QEMU_FAILED with QEMU's own words; DISK_IN_USE, TOOL_MISSING, ABORTED
 */
export async function startQemu(request: StartRequest): Promise<StartedQemu> {
  const { folder, run, signal } = request;
  throwIfAborted(signal);
  await makeFolder(join(folder, run, SOCKETS), { doing: 'start QEMU' });
  const log = join(folder, run, 'qemu.log');
  const output = await open(log, 'w', 0o600);
  let qemu: DetachedProcess;
  try {
    const console = await keepConsole(join(folder, run), output.fd);
    try {
      qemu = await spawnQemu(request, { console: console.fd, output: output.fd });
    } finally {
      await console.close();
    }
  } finally {
    await output.close();
  }
  let pid: number | undefined;
  try {
    pid = request.world === undefined ? qemu.pid : await toldPid(qemu);
    // Otherwise it has ended, and has said why.
    if (pid !== undefined && (await comesToWork(qemu, pid, request))) {
      await request.equip?.(pid);
      await letBecome(qemu, pid, join(folder, run, 'qemu.pid'));
    }
    return { client: await connectWhenReady(request, qemu, log), pid: pid ?? qemu.pid };
  } catch (error) {
    await qemu.kill(pid);
    throw error;
  } finally {
    for (const pipe of qemu.pipes.values()) pipe.destroy();
  }
}

async function spawnQemu(
  { program, args, through = [], world, folder, lock, alive }: StartRequest,
  { console, output }: { readonly console: number; readonly output: number },
): Promise<DetachedProcess> {
  const become = ['/bin/sh', '-c', BECOME_QEMU, 'sh', ...through, program, ...args] as const;
  const common = { output, env: cleanEnvironment() };
  if (world === undefined) {
    const [shell, ...words] = become;
    return await spawnDetached(shell, words, {
      ...common,
      cwd: folder,
      fds: [lock, console, 'pipe', alive],
    });
  }
  const filter = setIdFilter();
  const [file = '', ...words] = await world(filter === undefined ? undefined : FILTER_FD);
  const fds = [
    lock,
    console,
    'pipe',
    'pipe',
    filter === undefined ? undefined : 'pipe',
    alive,
  ] as const;
  // Its working directory is the sandbox's to say.
  const started = await spawnDetached(file, [...words, ...become], { ...common, cwd: '/', fds });
  if (filter !== undefined) started.pipes.get(FILTER_FD)?.end(filter);
  return started;
}

/** The pid, for the host, of what runs in a world of its own; undefined when it has ended before. */
async function toldPid(qemu: DetachedProcess): Promise<number | undefined> {
  const told = qemu.pipes.get(INFO_FD);
  if (told === undefined) return undefined;
  let text = '';
  try {
    for await (const piece of told.setEncoding('utf8')) {
      text += piece as string;
      if (text.includes('}')) break;
    }
  } catch (error) {
    // It has ended in the middle.
    if (errnoOf(error) === undefined) throw error;
  }
  const [, pid] = /"child-pid": *(\d+)/.exec(text) ?? [];
  return pid === undefined ? undefined : Number(pid);
}

/**
 * Waits until it has its working directory, which a sandbox gives it at last: a pid file that is read before would name
 * a process that is at work elsewhere, and so count for nothing. Whoever starts the instance meanwhile would find it
 * locked by somebody who is none, and say that it does not run.
 * @returns false when it has ended before
 */
async function comesToWork(
  qemu: DetachedProcess,
  pid: number,
  { folder, signal }: StartRequest,
): Promise<boolean> {
  while (!isAtWorkIn(pid, folder)) {
    if (qemu.hasEnded()) return false;
    await sleep(SOON_MS, signal);
  }
  return true;
}

/** Notes who QEMU will be, and lets it become that. */
async function letBecome(qemu: DetachedProcess, pid: number, path: string): Promise<void> {
  const startTime = startTimeOf(String(pid)) ?? '0';
  const note = `{"pid": ${pid}, "startTime": "${startTime}", "boot": "${bootId()}"}\n`;
  await writeFile(`${path}.new`, note, { mode: 0o600 });
  await rename(`${path}.new`, path);
  qemu.pipes.get(GO_FD)?.end('go\n');
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
      // It may say why it ends after it has hung up.
      const isEnding = hasCode(error, 'QMP_FAILED');
      if (!isNotNow(error) && !(isEnding && (await endsSoon(qemu)))) throw error;
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
