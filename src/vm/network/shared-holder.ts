import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { BridgeRecord } from '../../net/bridge/bridge-record.js';
import { knownGuests } from '../../net/bridge/known-guests.js';
import { MultipassError } from '../../errors.js';
import { enterWords } from '../../net/shared/enter.js';
import { holderWords } from '../../net/shared/holder-script.js';
import { SHARED_FILES } from '../../net/shared/shared-files.js';
import { makerWords, staysAround } from '../../net/shared/makers.js';
import { parentOf } from '../../process/descendants.js';
import { spawnDetached } from '../../process/detach.js';
import { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { liveProcessOf } from '../../store/pid-file.js';
import { makeNamespaces } from './made-namespaces.js';
import { requireMaker } from './network-findings.js';

/**
 * A process by which the store's shared network is entered: the one that holds it, else whatever lives in it. Only the
 * kernel is believed: that process is in another network namespace than ours, which has the bridge.
 * @returns undefined when there is no such network now
 */
export function findInside(layout: StoreLayout, bridge: string): number | undefined {
  const holder = findHolder(layout);
  if (holder !== undefined && isInside(holder, bridge)) return holder;
  for (const pid of others(layout)) if (isInside(pid, bridge)) return pid;
  return undefined;
}

/** The process that waits for the end of the last machine. */
export function findHolder({ sharedNetwork: folder }: StoreLayout): number | undefined {
  return liveProcessOf(join(folder, SHARED_FILES.holder), folder);
}

/** Whether a process is in a network namespace of its own that has an interface. */
export function isInside(pid: number, link: string): boolean {
  try {
    const there = readlinkSync(`/proc/${pid}/ns/net`);
    if (there === readlinkSync('/proc/self/ns/net')) return false;
    return new RegExp(`^ *${link}:`, 'm').test(readFileSync(`/proc/${pid}/net/dev`, 'utf8'));
  } catch {
    return false;
  }
}

/**
 * A process by which the network of a running machine is entered: what started its QEMU, and waits for it where that is
 * shut up, else QEMU itself. Both live for as long as the guest does.
 */
export function insideByMachine(dir: InstanceDir, bridge: string): number | undefined {
  for (const pid of ofMachine(dir)) if (isInside(pid, bridge)) return pid;
  return undefined;
}

/** dnsmasq, and all machines of the store. */
function* others(layout: StoreLayout): Generator<number> {
  const dnsmasq = Number(readIfAny(join(layout.sharedNetwork, 'dnsmasq.pid')));
  if (Number.isSafeInteger(dnsmasq) && dnsmasq > 0) yield dnsmasq;
  for (const name of namesIn(layout.instances)) {
    yield* ofMachine(new InstanceDir(join(layout.instances, name)));
  }
}

function* ofMachine(dir: InstanceDir): Generator<number> {
  const qemu = liveProcessOf(dir.qemuPid, dir.path);
  if (qemu === undefined) return;
  const parent = parentOf(qemu);
  if (parent !== undefined) yield parent;
  yield qemu;
}

/**
 * Starts the process that holds a network, which it sets up before, as far as it is not; a new one without `inside`.
 * @returns its pid
 * @throws MultipassError NETWORK_UNAVAILABLE when that is not permitted, NETWORK_FAILED, TOOL_MISSING
 */
export async function startHolder(
  layout: StoreLayout,
  record: BridgeRecord,
  inside: number | undefined,
): Promise<number> {
  if (inside !== undefined) return await hold(layout, record, enterWords(inside));
  const maker = await requireMaker(layout);
  if (!staysAround(maker)) return await hold(layout, record, makerWords(maker));
  const log = join(layout.sharedNetwork, SHARED_FILES.holderLog);
  await using made = await makeNamespaces(maker, { folder: layout.sharedNetwork, log });
  return await hold(layout, record, enterWords(made.inside));
}

async function hold(
  layout: StoreLayout,
  record: BridgeRecord,
  start: readonly [string, ...string[]],
): Promise<number> {
  const folder = layout.sharedNetwork;
  const log = join(folder, SHARED_FILES.holderLog);
  const output = await open(log, 'w', 0o600);
  try {
    const [file, ...args] = [...start, ...holderWords(record, knownGuests(folder))];
    const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
    const fds = ['pipe'] as const;
    const holder = await spawnDetached(file, args, { cwd: folder, output: output.fd, fds, env });
    // It closes it when all is done, and the kernel does when it fails.
    for (const pipe of holder.pipes.values()) await once(pipe.resume(), 'close');
  } finally {
    await output.close();
  }
  const pid = findHolder(layout);
  if (pid !== undefined) return pid;
  throw notMade(await readFile(log, 'utf8').catch(() => ''));
}

function notMade(words: string): MultipassError {
  const [said = ''] = words.trim().split('\n');
  const isForbidden = /not permitted|permission denied/i.test(words);
  return new MultipassError(
    isForbidden ? 'NETWORK_UNAVAILABLE' : 'NETWORK_FAILED',
    `cannot make the network that instances share${said === '' ? '' : `: ${said}`}`,
    {
      hint:
        'See `multipass network status`. Or use none (`multipass set local.network=user`): instances do not see each ' +
        'other then.',
      details: { output: words },
    },
  );
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

/** Empty when there is no such file, or no longer such a process. */
function readIfAny(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
