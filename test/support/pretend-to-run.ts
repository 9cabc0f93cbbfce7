import { mkdir, writeFile } from 'node:fs/promises';
import { onTestFinished } from 'vitest';
import { run } from '../../src/process/run.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { startTimeOf } from '../../src/process/start-time.js';

/** Takes what is to be done at the end: of the test, unless somebody else says of what. */
export type AtEnd = (end: () => void) => void;

/** The pid of a process that is at work in a folder, leads a group of its own, and ends with the test. */
export async function workIn(folder: string, atEnd: AtEnd = onTestFinished): Promise<number> {
  // No child of ours: tests look whether the product has left any.
  const script = 'setsid sh -c "echo \\$\\$; exec sleep 300 >/dev/null 2>&1" &';
  const { stdout } = await run('sh', ['-c', script], { cwd: folder });
  const pid = Number(stdout);
  atEnd(() => {
    if (startTimeOf(stdout.trim()) !== 'dead') process.kill(pid, 'SIGKILL');
  });
  return pid;
}

/** The text of a pid file. */
export function noteOf(pid: number, changes: object = {}): string {
  return JSON.stringify({ pid, startTime: startTimeOf(String(pid)), ...changes });
}

/** The text of a pid file that names a process which works in the instance's folder as its QEMU would. */
export async function livingIn(dir: InstanceDir, atEnd?: AtEnd): Promise<string> {
  return noteOf(await workIn(dir.path, atEnd));
}

/** Makes an instance look as if it were running. */
export async function pretendToRun(dir: InstanceDir, atEnd?: AtEnd): Promise<void> {
  await mkdir(dir.run, { recursive: true });
  await writeFile(dir.qemuPid, await livingIn(dir, atEnd));
}
