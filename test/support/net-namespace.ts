import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { run, type RunOptions, type RunResult } from '../../src/process/run.js';

/** A network of its own: interfaces, routes, firewall and sysctls that nobody else sees. */
export interface NetNamespace {
  readonly name: string;
  /** What goes before a command that is to run in it. */
  readonly through: readonly string[];
  /** Runs a program in it. */
  run(file: string, args: readonly string[], options?: RunOptions): Promise<RunResult>;
  /** The processes in it, whoever started them. */
  pids(): Promise<number[]>;
}

/**
 * Lends `use` a network namespace with nothing but `lo`, which is up. It goes afterwards whatever happens, and every
 * process that is still in it is killed. For root alone.
 */
export async function withNetNamespace<T>(use: (ns: NetNamespace) => Promise<T>): Promise<T> {
  const name = `mpts-${process.pid}-${randomBytes(4).toString('hex')}`;
  const through = ['ip', 'netns', 'exec', name];
  await run('ip', ['netns', 'add', name]);
  try {
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    return await use({
      name,
      through,
      run: (file, args, options) => run('ip', [...through.slice(1), file, ...args], options),
      pids: () => pidsIn(name),
    });
  } finally {
    await killAllIn(name);
    await run('ip', ['netns', 'delete', name]);
  }
}

/** A namespace lives on, unseen, for as long as a process is in it. */
async function killAllIn(name: string): Promise<void> {
  for (;;) {
    const pids = await pidsIn(name);
    if (pids.length === 0) return;
    for (const pid of pids) kill(pid);
    await setTimeout(10);
  }
}

async function pidsIn(name: string): Promise<number[]> {
  const { stdout } = await run('ip', ['netns', 'pids', name]);
  return stdout.split('\n').filter(Boolean).map(Number);
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}
