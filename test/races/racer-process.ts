import { fork, type ChildProcess } from 'node:child_process';
import { on, once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { Order, Report } from './order.js';

/** How long a command may take among others: far less than who waits for a dead one would. */
const LONGEST_MS = 60_000;

/** How a racer is struck. */
export type Strike = 'kill' | 'kill with children' | 'stop' | 'stop with children';

const PROJECT = fileURLToPath(new URL('../..', import.meta.url));

/** The program of racers, built. */
export class RacerProgram implements AsyncDisposable {
  readonly #folder: string;

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async build(): Promise<RacerProgram> {
    // Below node_modules, so that the packages, which stay outside the bundle, are found.
    const folder = await mkdtemp(join(PROJECT, 'node_modules', '.racer-'));
    await build({
      entryPoints: [fileURLToPath(new URL('./racer.ts', import.meta.url))],
      outfile: join(folder, 'racer.mjs'),
      bundle: true,
      format: 'esm',
      platform: 'node',
      target: 'node20',
      packages: 'external',
    });
    return new RacerProgram(folder);
  }

  start(): Racer {
    return new Racer(join(this.#folder, 'racer.mjs'));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

/** A process, in a group of its own, that carries out commands until it is killed. */
export class Racer {
  readonly #child: ChildProcess;
  readonly #reports: NodeJS.AsyncIterator<unknown[]>;
  readonly #exit: Promise<unknown>;

  constructor(program: string) {
    this.#child = fork(program, [], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.#reports = on(this.#child, 'message', { close: ['disconnect'] });
    this.#exit = once(this.#child, 'exit');
  }

  get isDead(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** @returns undefined when it was killed meanwhile @throws Error when it comes to no end */
  async obey(order: Order): Promise<Report | undefined> {
    if (this.isDead || !this.#child.connected) return undefined;
    this.#child.send(order, () => undefined);
    const over = new AbortController();
    const told = this.#reports.next() as Promise<IteratorResult<[Report], undefined>>;
    const late = pause(LONGEST_MS, 'late' as const, { signal: over.signal, ref: false });
    const answer = await Promise.race([told, late]).finally(() => over.abort());
    if (answer === 'late') throw new Error(`it came to no end in ${LONGEST_MS / 1000} s`);
    return answer.done === true ? undefined : answer.value[0];
  }

  /** Stops it for some time, or ends it for good. */
  async strike(how: Strike, stoppedMs: number): Promise<void> {
    const pid = this.#child.pid!;
    const target = how.endsWith('with children') ? -pid : pid;
    if (how.startsWith('kill')) {
      signal(target, 'SIGKILL');
      await this.#exit;
      return;
    }
    signal(target, 'SIGSTOP');
    await pause(stoppedMs);
    signal(-pid, 'SIGCONT');
  }

  /** Waits until what it had started, and was not killed with it, has ended. @throws Error when that goes on */
  async gone(): Promise<void> {
    for (const until = performance.now() + LONGEST_MS; performance.now() < until;) {
      if (livingInGroup(this.#child.pid!).length === 0) return;
      await pause(10);
    }
    throw new Error(`what it has started lives on: ${livingInGroup(this.#child.pid!).join(', ')}`);
  }

  end(): void {
    signal(-this.#child.pid!, 'SIGKILL');
  }
}

function signal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Names of the processes of a group that are not only left to be reaped. */
function livingInGroup(group: number): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const [, name = '', state, , pgrp] =
        /^\d+ \((.*)\) (\S) (\d+) (\d+)/s.exec(readFileSync(`/proc/${pid}/stat`, 'latin1')) ?? [];
      return Number(pgrp) === group && state !== 'Z' ? [name] : [];
    } catch {
      // It has ended meanwhile.
      return [];
    }
  });
}
