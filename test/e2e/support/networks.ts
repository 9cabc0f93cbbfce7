import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, vi } from 'vitest';
import { startTimeOf } from '../../../src/process/start-time.js';
import type { NetworkStatus } from '../../../src/vm/run/network-status.js';
import {
  multipass,
  startMultipass,
  type CommandResult,
  type RunningCommand,
} from '../../support/command.js';
import { test as base } from '../../support/store-fixture.js';
import { AS_NOBODY, giveToNobody } from './nobody.js';

/** The networks of a user without any rights, each in a store of its own. */
export class Networks {
  readonly #root: string;
  readonly env: Record<string, string> = {};
  through = AS_NOBODY;

  constructor(root: string) {
    this.#root = root;
  }

  /** The folder of a store's shared network. */
  folder(store = 'one'): string {
    return join(this.#root, store, 'network/shared');
  }

  async mp(args: readonly string[], store = 'one'): Promise<CommandResult> {
    return await multipass(args, this.#options(store));
  }

  begin(args: readonly string[], store = 'one'): RunningCommand {
    return startMultipass(args, this.#options(store));
  }

  /** Runs shell in the network. @returns what it printed */
  async run(script: string, store = 'one'): Promise<string> {
    const { stdout, stderr, exitCode } = await this.mp(
      ['network', 'run', '--', 'sh', '-c', script],
      store,
    );
    expect({ script, stderr, exitCode }).toEqual({ script, stderr: '', exitCode: 0 });
    return stdout.trim();
  }

  async status(store = 'one'): Promise<NetworkStatus> {
    const { stdout } = await this.mp(['network', 'status', '--format', 'json'], store);
    return JSON.parse(stdout) as NetworkStatus;
  }

  /** So does Ubuntu 24.04: a program makes the namespace, and everything in it is refused. */
  async refuse(...makers: readonly string[]): Promise<void> {
    const programs = join(this.#root, 'programs');
    await mkdir(programs, { recursive: true });
    for (const maker of makers) {
      const lines = [
        '#!/bin/sh',
        // What is in a namespace already is free to make others.
        maker === 'unshare'
          ? `case "$*" in *--map-root-user*) ;; *) exec /usr/bin/unshare "$@" ;; esac`
          : '',
        'echo "RTNETLINK answers: Operation not permitted" >&2; exit 2',
      ];
      await writeFile(join(programs, maker), lines.join('\n'), { mode: 0o755 });
    }
    this.env['PATH'] = `${programs}:${process.env['PATH'] ?? ''}`;
  }

  /** Keeps the network up until it is killed. */
  async hold(program = 'sleep 1000'): Promise<RunningCommand> {
    const held = this.begin(['network', 'run', '--', 'sh', '-c', `echo up; exec ${program}`]);
    held.child.stdout!.once('data', () => undefined);
    await once(held.child.stdout!, 'data');
    return held;
  }

  #options(store: string) {
    const root = join(this.#root, store);
    return { store: root, through: this.through, cwd: '/', env: this.env };
  }
}

/** Each test has the networks of two stores, `one` and `two`. */
export const test = base.extend<{ nets: Networks }>({
  nets: async ({ root }, use) => {
    const home = join(dirname(root), 'stores');
    for (const store of ['one', 'two']) await mkdir(join(home, store), { recursive: true });
    await giveToNobody(home);
    await use(new Networks(home));
  },
});

/** Nothing of a network lives or lies about but what is kept for the next time. */
export async function expectNothing(nets: Networks, { sockets = true } = {}): Promise<void> {
  const folder = nets.folder();
  await vi.waitFor(() => expect(living(folder)).toEqual([]), { timeout: 20_000, interval: 20 });
  if (sockets) expect(existsSync(join(folder, 'slirp.sock'))).toBe(false);
}

/** Programs that belong to a network's folder, by their command lines and by where they work. */
function living(folder: string): string[] {
  const pids = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return pids.flatMap((pid) => {
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').join(' ');
      if (startTimeOf(pid) === 'dead') return [];
      const isOurs = words.includes(folder) || noted(folder).includes(pid);
      return isOurs ? [words] : [];
    } catch {
      return [];
    }
  });
}

function noted(folder: string): string[] {
  return ['holder.pid', 'slirp.pid'].flatMap((file) => {
    try {
      const note = JSON.parse(readFileSync(join(folder, file), 'utf8')) as {
        pid: number;
        startTime: string;
      };
      return startTimeOf(String(note.pid)) === note.startTime ? [String(note.pid)] : [];
    } catch {
      return [];
    }
  });
}

export async function killAndWait(pid: number | null): Promise<void> {
  process.kill(pid ?? 0, 'SIGKILL');
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false));
}

export function isAlive(pid: number | null): boolean {
  const started = startTimeOf(String(pid));
  return started !== undefined && started !== 'dead';
}
