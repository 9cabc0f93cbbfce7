import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { test as base } from 'vitest';
import { withNetNamespace, type NetNamespace } from '../../support/net-namespace.js';
import type { NetJob } from './net-worker.js';

/** A failure in the worker, as far as it goes through the line. */
export interface Failed {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
}

/** Does a job in the test's namespace, in a process of its own. */
type Work = <T>(job: NetJob, argument: object, env?: Record<string, string>) => Promise<T>;

/** What `ensureBridge` answers, through the line. */
export interface MadeBridge {
  readonly bridge: string;
  readonly subnet: string;
  readonly gateway: string;
  readonly mac: string;
}

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

/** Each test has a network namespace, and a folder with an awkward name for the network's files. */
export const test = base.extend<{
  program: string;
  ns: NetNamespace;
  folder: string;
  work: Work;
}>({
  program: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      // Below node_modules, so that the packages, which stay outside the bundle, are found.
      const folder = await mkdtemp(join(PROJECT, 'node_modules', '.net-worker-'));
      await bundle(join(folder, 'worker.mjs'));
      await use(join(folder, 'worker.mjs'));
      await rm(folder, { recursive: true });
    },
    { scope: 'file' },
  ],
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  ns: async ({}, use) => {
    await withNetNamespace(use);
  },
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const root = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
    await use(join(root, 'a store, "x" \\n #1', 'network'));
    await rm(root, { recursive: true, force: true });
  },
  work: async ({ program, ns }, use) => {
    await use(async <T>(job: NetJob, argument: object, env: Record<string, string> = {}) => {
      const settings = Object.entries(env).map(([key, value]) => `${key}=${value}`);
      const command = [process.execPath, program, job, JSON.stringify(argument)];
      const { stdout } = await ns.run('env', [...settings, ...command]);
      const answer = JSON.parse(stdout) as { result?: T; failed?: Failed };
      if (answer.failed !== undefined) {
        throw Object.assign(new Error(answer.failed.message), answer.failed);
      }
      return answer.result as T;
    });
  },
});

/** The network of a namespace as a text: what changes of it shows. */
export async function networkState(ns: NetNamespace, folder: string): Promise<string> {
  const state = [
    await ns.run('ip', ['address', 'show']),
    await ns.run('ip', ['route', 'show']),
    await ns.run('nft', ['-a', 'list', 'ruleset', 'ip']),
    await ns.run('nft', ['-a', 'list', 'ruleset', 'bridge']),
    await ns.run('sysctl', ['net.ipv4.ip_forward']),
  ].map(({ stdout }) => stdout.replace(/valid_lft \S+ preferred_lft \S+|tentative /g, ''));
  const record = await readFile(join(folder, 'network.json'), 'utf8');
  return [...state, `pids ${(await ns.pids()).join(' ')}`, record].join('\n---\n');
}

/** Without what numbers a new one of the same kind. */
export function comparable(state: string): string {
  return state
    .replace(/^\d+: /gm, '')
    .replace(/ # handle \d+/g, '')
    .replace(/^pids \d+$/gm, 'one pid')
    .replace(/inet6 fe80\S+/g, 'inet6');
}

/** What the DNS server at an address says to a question. */
export async function nslookup(ns: NetNamespace, name: string, server: string): Promise<string> {
  // There is no AAAA for it, which is a failure to this program.
  const asked = await ns.run('busybox', ['nslookup', name, server], { okExitCodes: [0, 1] });
  return asked.stdout;
}

/** The pid of the bridge's dnsmasq, as its file says. */
export async function dnsmasqPid(folder: string): Promise<number> {
  return Number(await readFile(join(folder, 'dnsmasq.pid'), 'utf8'));
}

/** Plugs a guest's end of a cable, in a namespace of its own, into a bridge: as `eth0` there. */
export async function plugGuest(
  ns: NetNamespace,
  guest: NetNamespace,
  plug: { bridge: string; port: string; mac: string },
): Promise<void> {
  const { bridge, port, mac } = plug;
  const peer = ['peer', 'name', 'eth0', 'address', mac, 'netns', guest.name];
  await ns.run('ip', ['link', 'add', port, 'type', 'veth', ...peer]);
  await ns.run('ip', ['link', 'set', 'dev', port, 'master', bridge, 'up']);
  await guest.run('ip', ['link', 'set', 'dev', 'eth0', 'up']);
}

/** A process in a network of its own, such as QEMU is, on the other side of a cable. */
export interface LoneProcess extends AsyncDisposable {
  readonly pid: number;
  readonly kill: () => void;
}

/** Starts one beside a namespace; it has its network when this resolves. */
export async function machineIn(ns: NetNamespace): Promise<LoneProcess> {
  const [program, ...words] = [...ns.through, 'unshare', '--net', 'sh', '-c', 'echo; exec cat'];
  const child = spawn(program, words, { stdio: ['pipe', 'pipe', 'ignore'] });
  await once(child.stdout, 'data');
  const kill = (): void => void child.kill('SIGKILL');
  return {
    pid: child.pid!,
    kill,
    [Symbol.asyncDispose]: async () => {
      kill();
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    },
  };
}

/** Asks for a lease as a guest does. */
export async function askForLease(guest: NetNamespace, clientId = ''): Promise<string | undefined> {
  const identity = clientId === '' ? [] : ['-x', `0x3d:${clientId}`];
  const args = ['-i', 'eth0', '-n', '-q', '-f', '-t', '10', '-T', '1', '-s', '/bin/true'];
  const { stderr, stdout } = await guest.run('busybox', ['udhcpc', ...args, ...identity], {
    okExitCodes: [0, 1],
  });
  return /lease of (\S+) obtained/.exec(stderr + stdout)?.[1];
}

async function bundle(outfile: string): Promise<void> {
  await build({
    entryPoints: [fileURLToPath(new URL('./net-worker.ts', import.meta.url))],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
  });
}
