import { randomUUID } from 'node:crypto';
import { MultipassError } from '../../errors.js';
import { MacAddressGenerator } from '../../net/mac-address-generator.js';
import type { StoreLayout } from '../../store/layout.js';
import { performOperation } from '../pending/perform.js';
import { planSeedChange } from '../pending/seed-change.js';
import type { InstanceReading } from '../read-instance.js';
import { requireBridges } from '../network/instance-bridge.js';
import { OwnClaims } from '../snapshots/restored-interfaces.js';
import type { Settings } from './settings.js';

/** Which instance gets an interface. */
export interface AddBridgedRequest {
  readonly layout: StoreLayout;
  /** The stopped instance; the caller holds its exclusive lock. */
  readonly reading: InstanceReading;
  readonly settings: Settings;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Gives an instance an interface on the network that `local.bridged-network` names, with a MAC address of its own. Its
 * seed gets a new instance-id, so that cloud-init sets the interface up at the next start, and with it all that it sets
 * up once for an instance, host keys included.
 * @throws MultipassError NETWORK_NOT_FOUND, NETWORK_UNAVAILABLE, SEED_INVALID, DISK_FULL, ABORTED, …
 */
export async function addBridgedInterface(request: AddBridgedRequest): Promise<void> {
  const { layout, reading, settings, signal } = request;
  const { dir, spec } = reading;
  const network = await networkFor(settings);
  await using claims = new OwnClaims(layout, spec.uuid);
  const mac = await MacAddressGenerator.instance.generate((one) => claims.claim(one.toHex()));
  const [first, ...rest] = spec.interfaces;
  const added = { mac, network, auto: true };
  const { change } = planSeedChange(dir, {
    instanceId: randomUUID(),
    interfaces: [first, ...rest, added].map((card, index) => ({
      old: card.mac,
      new: card.mac,
      index,
      auto: card.auto,
    })),
  });
  await performOperation(
    dir,
    {
      step: { operation: 'rewrite' },
      spec: { ...spec, interfaces: [first, ...rest, added] },
      snapshots: new Map(),
      seed: change,
    },
    signal,
  );
}

async function networkFor({ bridgedNetwork, network }: Settings): Promise<string> {
  if (bridgedNetwork === null) {
    throw new MultipassError('NETWORK_NOT_FOUND', 'no network is set to be bridged to', {
      hint: 'Choose one of `multipass networks` with `multipass set local.bridged-network=<name>`.',
    });
  }
  if (network !== 'bridge') {
    throw new MultipassError(
      'NETWORK_UNAVAILABLE',
      'interfaces on networks of the host need local.network=bridge',
      { hint: 'As root, `multipass set local.network=bridge`.' },
    );
  }
  await requireBridges([bridgedNetwork]);
  return bridgedNetwork;
}
