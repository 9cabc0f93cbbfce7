import { spawn, type ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { errnoOf } from '../errors.js';
import { log } from '../log.js';
import { startError } from './programs.js';

/**
 * For a program that lives on without us: shell that writes who it is into the file \$pidfile, as JSON, before it does
 * anything by which it would be looked for. The start time (field 22 of /proc/PID/stat; 0 where there is no /proc) and
 * the boot of the host tell it from a later process that gets its pid; all stay when the shell becomes another program.
 */
export const WRITE_PID_FILE = `
startTime() { shift "$(($# > 19 ? 19 : $#))"; started=\${1:-0}; }
stat=; read -r stat 2>/dev/null <"/proc/$$/stat"
startTime \${stat##*) }
boot=; read -r boot 2>/dev/null </proc/sys/kernel/random/boot_id
printf '{"pid": %s, "startTime": "%s", "boot": "%s"}\\n' "$$" "$started" "$boot" >"$pidfile.new" &&
mv -f "$pidfile.new" "$pidfile"`;

/** How a program is started that lives on without us. */
export interface DetachedOptions {
  /** Its working directory. */
  readonly cwd: string;
  /** An open file that gets its stdout and stderr. */
  readonly output: number;
  /** An open file that its stdin comes from. Default: it has none. */
  readonly stdin?: number | undefined;
  /**
   * What the program gets as its descriptors from 3 on: open files, sockets of ours, and ends of new ones; undefined:
   * nothing there.
   */
  readonly fds?: readonly (number | Socket | 'pipe' | undefined)[] | undefined;
  /** All that its environment holds. Default: this process's own, with `LC_ALL=C`. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** A program that lives on when this process ends. */
export interface DetachedProcess {
  readonly pid: number;
  /** The other ends of what it got as `pipe`, by its descriptors. They keep this process waiting. */
  readonly pipes: ReadonlyMap<number, Socket>;
  /** Resolves with what it ended by, for as long as this process waits for it. */
  readonly ended: Promise<string>;
  /** True once it has ended. */
  readonly hasEnded: () => boolean;
  /** SIGKILL, to it or to the process `pid` with which it ends; resolves when it has ended. */
  readonly kill: (pid?: number) => Promise<void>;
}

/**
 * Starts a program in a session of its own, with no stdin: neither Ctrl-C nor the end of this process reaches it, and
 * this process does not wait for it.
 * @throws MultipassError TOOL_MISSING when there is no such program; IO_ERROR when there is no such folder
 */
export async function spawnDetached(
  file: string,
  args: readonly string[],
  options: DetachedOptions,
): Promise<DetachedProcess> {
  const { cwd, output, stdin, fds = [], env = { ...process.env, LC_ALL: 'C' } } = options;
  log('debug', 'spawn', [file, ...args].join(' '));
  let child: ChildProcess;
  try {
    child = spawn(file, args, {
      cwd,
      detached: true,
      stdio: [stdin ?? 'ignore', output, output, ...fds.map((fd) => fd ?? 'ignore')],
      env,
    });
  } catch (error) {
    throw startError(error, file, cwd);
  }
  const ended = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? 0}`));
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', (error) => reject(startError(error, file, cwd)));
  });
  child.unref();
  const { pid } = child;
  if (pid === undefined) throw new Error(`${file} has no pid`);
  const pipes = new Map(
    fds.flatMap((fd, at) => (fd === 'pipe' ? [[at + 3, child.stdio[at + 3] as Socket]] : [])),
  );
  // A program that ends before it has read what it was sent resets the connection: `ended` tells of that.
  for (const pipe of pipes.values()) pipe.on('error', () => undefined);
  return {
    pid,
    pipes,
    ended,
    hasEnded: () => child.exitCode !== null || child.signalCode !== null,
    kill: async (inner = pid) => {
      // Now we do wait for it: with nothing else to do, this process would end instead.
      child.ref();
      try {
        if (child.exitCode === null && child.signalCode === null) process.kill(inner, 'SIGKILL');
      } catch (error) {
        if (errnoOf(error) !== 'ESRCH') throw error;
      }
      await ended;
    },
  };
}
