import { randomUUID } from 'node:crypto';
import { MultipassError } from '../../errors.js';
import type { Work } from '../../work.js';
import { planSeedChange } from '../pending/seed-change.js';
import type { OpenedInstance } from '../open.js';
import { requireBridges } from '../network/machine-network.js';
import { MacClaims } from '../macs.js';
import type { Settings } from './settings.js';

/** Which instance gets an interface. */
export interface AddBridgedRequest {
  /** The stopped instance. */
  readonly opened: OpenedInstance;
  readonly settings: Settings;
  readonly work: Work;
}

/**
 * Gives an instance an interface on the network that `local.bridged-network` names, with a MAC address of its own. Its
 * seed gets a new instance-id, so that cloud-init sets the interface up at the next start, and with it all that it sets
 * up once for an instance, host keys included.
 * @throws MultipassError NETWORK_NOT_FOUND, NETWORK_UNAVAILABLE, SEED_INVALID, DISK_FULL, ABORTED, …
 */
export async function addBridgedInterface(request: AddBridgedRequest): Promise<void> {
  const { opened, settings, work } = request;
  const { dir, spec } = opened.reading;
  const network = await networkFor(settings);
  await using claims = MacClaims.ofExisting(opened.layout, { uuid: spec.uuid, dir });
  const mac = await claims.generate();
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
  await opened.perform(
    {
      step: { operation: 'rewrite' },
      spec: { ...spec, interfaces: [first, ...rest, added] },
      snapshots: new Map(),
      seed: change,
    },
    work,
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
