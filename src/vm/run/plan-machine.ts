import { lstatSync } from 'node:fs';
import type { CardBackend, Machine } from '../../qemu/machine.js';
import type { StoreLayout } from '../../store/layout.js';
import { tapName } from '../../net/bridge/tap.js';
import { freeLoopbackPort, userSubnet } from '../../net/user-network.js';
import type { InstanceReading } from '../read-instance.js';
import { interfaceLabel } from '../records/interface.js';
import type { Settings } from '../settings/settings.js';
import { chooseAccelerator } from './choose-accelerator.js';
import type { MachineRecord } from './machine-record.js';
import { qemuProgram, qemuTarget } from './qemu-program.js';

/** What a machine is planned from. */
export interface PlanRequest {
  readonly layout: StoreLayout;
  readonly reading: InstanceReading;
  readonly settings: Settings;
  /** Name of our own bridge, when cards are plugged into it; null for QEMU's own network. */
  readonly bridge: string | null;
  readonly signal?: AbortSignal | undefined;
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/**
 * What an instance will run on when it starts cold.
 * @throws MultipassError ACCELERATOR_UNAVAILABLE, QEMU_FAILED, TOOL_MISSING, ABORTED
 */
export async function planMachine(request: PlanRequest): Promise<Machine> {
  const { layout, reading, settings, signal } = request;
  const { spec, dir } = reading;
  const { arch, board } = qemuTarget();
  const program = qemuProgram(arch);
  const wanted = settings.accelerator;
  const accelerator = await chooseAccelerator({ layout, wanted, program, signal });
  const cards = [];
  const taken: string[] = [];
  for (const [index, { mac, network }] of spec.interfaces.entries()) {
    const backend = await backendOf(request, { index, network, taken });
    if (backend.kind === 'user') taken.push(backend.subnet);
    cards.push({ mac: mac.toString(), backend });
  }
  return {
    ...{ arch, type: board, accelerator, cards },
    ...{ cpus: spec.cpus, memory: spec.memory, uuid: spec.uuid, vmgenid: spec.vmgenid },
    hasSeed: lstatSync(dir.seed, { throwIfNoEntry: false }) !== undefined,
  };
}

/** The machine that a suspended instance goes on with: the same one, reachable by another port of the host. */
export async function sameMachine({ machine }: MachineRecord): Promise<Machine> {
  const cards = [];
  for (const { mac, backend } of machine.cards) {
    if (backend.kind === 'tap' || backend.sshPort === null) cards.push({ mac, backend });
    else cards.push({ mac, backend: { ...backend, sshPort: await freeLoopbackPort() } });
  }
  return { ...machine, cards };
}

async function backendOf(
  { reading, bridge, onWarning }: PlanRequest,
  card: { index: number; network: string | null; taken: readonly string[] },
): Promise<CardBackend> {
  const { index, network, taken } = card;
  const { uuid } = reading.spec;
  if (bridge !== null) {
    return { kind: 'tap', tap: tapName(uuid, index), bridge: network ?? bridge };
  }
  if (network !== null) {
    onWarning?.(
      `interface ${interfaceLabel(index)} of "${reading.name}" is not on "${network}": local.network is "user"`,
    );
  }
  const { network: subnet } = userSubnet({ seed: uuid, taken });
  return { kind: 'user', subnet, sshPort: index === 0 ? await freeLoopbackPort() : null };
}
