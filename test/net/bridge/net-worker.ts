/** What works on the host's network, as a process that can be put into a namespace: see bridge-fixture.ts. */
import { MultipassError } from '../../../src/errors.js';
import { admitToBridge, ensureBridge } from '../../../src/net/bridge/ensure-bridge.js';
import { forgetLease } from '../../../src/net/bridge/forget-lease.js';
import { portsOf } from '../../../src/net/bridge/link.js';
import { removeBridgeIfIdle } from '../../../src/net/bridge/remove-bridge.js';
import { layCable } from '../../../src/net/bridge/cable.js';
import { layLoneTap } from '../../../src/net/bridge/lone-tap.js';
import { plugIn } from '../../../src/net/bridge/tap.js';
import { hostNetworks } from '../../../src/net/bridge/host-networks.js';
import { hostSubnets } from '../../../src/net/host-subnets.js';
import { MacAddress } from '../../../src/net/mac-address.js';
import { userSubnet } from '../../../src/net/user-network.js';

interface Argument {
  readonly folder: string;
  readonly guests: readonly { readonly mac: string; readonly tap: string }[];
  readonly mac: string;
  readonly tap: string;
  readonly bridge: string;
  readonly pid: number;
  readonly index: number;
  readonly address: string;
  readonly seed: string;
  readonly taken: string[];
  readonly except?: string;
}

const JOBS = {
  ensureBridge,
  removeBridgeIfIdle,
  plugIn,
  layCable,
  layLoneTap,
  admitToBridge: ({ folder, guests }: Argument) => {
    const parsed = guests.map(({ mac, tap }) => ({ mac: MacAddress.parse(mac), tap }));
    return admitToBridge({ folder, guests: parsed });
  },
  userSubnet,
  hostNetworks: () => hostNetworks(),
  hostSubnets: ({ except }: Argument) => hostSubnets(except),
  portsOf: ({ bridge }: Argument) => portsOf(bridge),
  forgetLease: ({ folder, mac }: Argument) => forgetLease({ folder, mac: MacAddress.parse(mac) }),
  /** As root is no longer. */
  ensureBridgeUnprivileged: ({ folder }: Argument) => {
    process.setuid?.(65_534);
    return ensureBridge({ folder });
  },
} as const satisfies Record<string, (argument: Argument) => unknown>;

export type NetJob = keyof typeof JOBS;

function describeFailure(error: unknown): unknown {
  if (!(error instanceof MultipassError)) return { code: 'a bug', message: String(error) };
  return { code: error.code, message: error.message, hint: error.hint };
}

const [job = '', argument = '{}'] = process.argv.slice(2);
try {
  const result: unknown = await JOBS[job as NetJob](JSON.parse(argument) as Argument);
  process.stdout.write(JSON.stringify({ result }));
} catch (error) {
  process.stdout.write(JSON.stringify({ failed: describeFailure(error) }));
}
