import { makeFolder } from '../../files/make-folder.js';
import { lstatSync, statSync } from 'node:fs';
import type { CardBackend, Machine } from '../../qemu/machine.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { tapName } from '../../net/bridge/tap.js';
import { freeLoopbackPort, userSubnet } from '../../net/user-network.js';
import { planNativeMounts, rootsProblem } from '../mounts/native-mount.js';
import type { InstanceReading } from '../read-instance.js';
import { interfaceLabel } from '../records/interface.js';
import type { MachineNetwork } from '../network/machine-network.js';
import type { Settings } from '../settings/settings.js';
import { chooseAccelerator } from './choose-accelerator.js';
import { newsOfEmulation } from './emulation.js';
import { qemuProgram, qemuTarget } from './qemu-program.js';

/** What a machine is planned from. */
export interface PlanRequest {
  readonly layout: StoreLayout;
  readonly reading: InstanceReading;
  readonly settings: Settings;
  /** What its cards are plugged into. */
  readonly network: Pick<MachineNetwork, 'kind' | 'bridge'>;
  /** Whether its QEMU will run in a sandbox, where it finds its taps. */
  readonly isConfined: boolean;
  readonly work: Work;
}

/**
 * What an instance will run on when it starts cold.
 * @throws MultipassError ACCELERATOR_UNAVAILABLE, QEMU_FAILED, TOOL_MISSING, ABORTED
 */
export async function planMachine(request: PlanRequest): Promise<Machine> {
  const { layout, reading, settings, network, isConfined, work } = request;
  const { spec, dir } = reading;
  const { arch, board } = qemuTarget();
  const program = qemuProgram(arch);
  const wanted = settings.accelerator;
  const accelerator = await chooseAccelerator({ layout, wanted, program, signal: work.signal });
  const news = wanted === 'auto' && accelerator === 'tcg' ? await newsOfEmulation(layout) : null;
  if (news !== null) work.warn(news);
  const cards = [];
  const taken: string[] = [];
  for (const [index, { mac, network: wantedBridge }] of spec.interfaces.entries()) {
    const backend = await backendOf(request, { index, wantedBridge, taken });
    if (backend.kind === 'user') taken.push(backend.subnet);
    cards.push({ mac: mac.toString(), backend });
  }
  const { shares, seenAs, refused } = await planNativeMounts(spec.mounts, {
    makesTaps: network.kind === 'host' || (network.kind === 'shared' && !isConfined),
  });
  for (const { mount, problem } of refused) {
    work.warn(`"${mount.target}" is not mounted in "${reading.name}": ${problem}`);
  }
  return {
    arch,
    type: board,
    accelerator,
    cards,
    shares,
    seenAs,
    cpus: spec.cpus,
    memory: spec.memory,
    uuid: spec.uuid,
    vmgenid: spec.vmgenid,
    hasSeed: lstatSync(dir.seed, { throwIfNoEntry: false }) !== undefined,
  };
}

/**
 * The machine that a guest goes on with: the same one, reachable by another port of the host. A shared
 * folder that is gone has an empty one in its place: without it the guest could not be resumed.
 */
export async function sameMachine(
  machine: Machine,
  { reading, network, work }: Pick<PlanRequest, 'reading' | 'network' | 'work'>,
): Promise<Machine> {
  const cards = [];
  for (const { mac, backend } of machine.cards) {
    // A store that was copied has a bridge of another name.
    const { bridge } = network;
    if (backend.kind === 'tap' && backend.within === 'shared' && bridge !== null) {
      cards.push({ mac, backend: { ...backend, bridge } });
    } else if (backend.kind === 'tap' || backend.sshPort === null) cards.push({ mac, backend });
    else cards.push({ mac, backend: { ...backend, sshPort: await freeLoopbackPort() } });
  }
  const shares = [];
  const problem = machine.shares.length === 0 ? null : await rootsProblem();
  for (const share of machine.shares) {
    const isThere = statSync(share.path, { throwIfNoEntry: false })?.isDirectory() === true;
    const why = isThere ? problem : 'it does not exist';
    if (why !== null) work.warn(`"${reading.name}" is without "${share.path}": ${why}`);
    shares.push(why === null ? share : { ...share, path: await emptyFolder(reading.dir) });
  }
  return { ...machine, cards, shares };
}

/** A folder of the run that stands for shared ones which the guest may not have. */
export async function emptyFolder(dir: InstanceDir): Promise<string> {
  const path = dir.runFile('missing');
  await makeFolder(path, { mode: 0o500 });
  return path;
}

async function backendOf(
  { reading, network, work }: PlanRequest,
  card: { index: number; wantedBridge: string | null; taken: readonly string[] },
): Promise<CardBackend> {
  const { index, wantedBridge, taken } = card;
  const { uuid } = reading.spec;
  const { kind, bridge } = network;
  const tap = tapName(uuid, index);
  if (kind === 'host' && bridge !== null) {
    return { kind: 'tap', tap, bridge: wantedBridge ?? bridge, within: 'host' };
  }
  if (wantedBridge !== null) {
    work.warn(
      `interface ${interfaceLabel(index)} of "${reading.name}" is not on "${wantedBridge}": that needs ` +
        `local.network=bridge`,
    );
  }
  if (bridge !== null) return { kind: 'tap', tap, bridge, within: 'shared' };
  const subnet = userSubnet({ seed: uuid, taken });
  return { kind: 'user', subnet, sshPort: index === 0 ? await freeLoopbackPort() : null };
}
