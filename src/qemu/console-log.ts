import { constants } from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { spawnDetached } from '../process/detach.js';
import { run } from '../process/run.js';

/** Files in `run/` that hold what a guest has written to its serial port: the newer half, and the older one. */
const CONSOLE_FILES = { newer: 'console.log', older: 'console.old' } as const;

/** The name in `run/` that the pipe to it has until both ends are open. */
export const CONSOLE_FIFO = 'console.fifo';

/** Each of the two grows to this size: at least that much of the console's end is there, and never twice as much. */
const HALF = 512 * 1024;

/**
 * Where each half goes, as the shell of split(1) runs it: what was the newer one is the older from then on. The folder
 * is an open descriptor, so it may be moved meanwhile, and nobody is at work in it.
 */
const TAKE_HALF = `umask 077; cd /proc/self/fd/3 || exit 1
[ ! -e ${CONSOLE_FILES.newer} ] || mv -f ${CONSOLE_FILES.newer} ${CONSOLE_FILES.older}
exec 4>${CONSOLE_FILES.newer} && cd / && exec cat >&4 3<&- 4>&-`;

/** A pipe as QEMU wants it for a log: one end can only be written to. Node has none but sockets. */
interface Pipe {
  readonly reading: FileHandle;
  readonly writing: FileHandle;
}

/**
 * Starts what keeps the end of a guest's console in two files of a folder, for as long as anybody has the other end: so
 * it ends with QEMU, after the last byte, whatever QEMU dies of. A guest may write for ever, while no command looks.
 * @param folder for what belongs to this run
 * @param output an open file for what it has to say itself
 * @returns the end that QEMU writes to; the caller hands it on, and closes its own
 * @throws MultipassError TOOL_MISSING
 */
export async function keepConsole(folder: string, output: number): Promise<FileHandle> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    const { reading, writing } = await openPipe(join(folder, CONSOLE_FIFO));
    try {
      await spawnDetached('split', ['-b', String(HALF), '--filter', TAKE_HALF, '-', 'console'], {
        cwd: '/',
        output,
        stdin: reading.fd,
        fds: [handle.fd],
        env: { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', SHELL: '/bin/sh' },
      });
      return writing;
    } catch (error) {
      await writing.close();
      throw error;
    } finally {
      await reading.close();
    }
  } finally {
    await handle.close();
  }
}

async function openPipe(path: string): Promise<Pipe> {
  await rm(path, { force: true });
  await run('mkfifo', ['-m', '600', '--', path]);
  // With both ends open neither of the others is waited for.
  const both = await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  try {
    const reading = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      return { reading, writing: await open(path, constants.O_WRONLY | constants.O_NOFOLLOW) };
    } catch (error) {
      await reading.close();
      throw error;
    }
  } finally {
    await both.close();
    await rm(path, { force: true });
  }
}
