import { MultipassError } from '../../errors.js';
import { MacAddress } from '../../net/mac-address.js';
import { leaseOf } from '../../net/leases.js';
import { enterWords } from '../../net/shared/enter.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceNotRunning } from '../errors.js';
import { findInside, insideByMachine } from '../network/shared-holder.js';
import { isToBeRenewed, type InstanceReading } from '../read-instance.js';
import { readMachine } from '../records/machine-record.js';
import { hasKey } from './store-key.js';
import type { GuestAddress } from './ssh-banner.js';
import type { Guest } from './ssh.js';

const SSH_PORT = 22;

/**
 * How a running instance is entered; undefined while it has no address yet, or no identity of its own.
 * @throws MultipassError INSTANCE_NOT_RUNNING; SSH_FAILED when its key is not known; RecordError
 */
export async function guestOf(
  layout: StoreLayout,
  reading: InstanceReading,
): Promise<Guest | undefined> {
  return isToBeRenewed(reading.dir) ? undefined : await guestByMachine(layout, reading);
}

/** The same for whoever gives it an identity. @throws as {@link guestOf} */
export async function guestByMachine(
  layout: StoreLayout,
  reading: InstanceReading,
): Promise<Guest | undefined> {
  const { dir, spec, name } = reading;
  const address = addressOf(layout, reading);
  if (spec.sshKey === null || !(await hasKey(layout, spec.sshKey))) {
    throw new MultipassError('SSH_FAILED', `no ssh key is known for "${name}"`, {
      hint: `Put its private key into "${layout.keys}" and its name into "${dir.spec}" as "sshKey".`,
      details: { name },
    });
  }
  if (address === undefined) return undefined;
  return { layout, dir, address, user: spec.sshUser, key: spec.sshKey };
}

/**
 * The same, for a command that needs it now.
 * @throws MultipassError GUEST_SILENT when it has no address
 */
export async function requireGuest(layout: StoreLayout, reading: InstanceReading): Promise<Guest> {
  const guest = await guestOf(layout, reading);
  if (guest !== undefined) return guest;
  throw new MultipassError('GUEST_SILENT', `"${reading.name}" has no address yet`, {
    hint: 'Try again in a moment: it may still be starting.',
    details: { name: reading.name },
  });
}

/** The address that a bridged instance has been given; undefined in user mode, and while it has none. */
export function leasedAddress(layout: StoreLayout, { dir }: InstanceReading): string | undefined {
  const [card] = readMachine(dir)?.machine.cards ?? [];
  if (card?.backend.kind !== 'tap') return undefined;
  const folder = card.backend.within === 'host' ? layout.network : layout.sharedNetwork;
  return leaseOf(folder, MacAddress.parse(card.mac))?.ip;
}

function addressOf(layout: StoreLayout, reading: InstanceReading): GuestAddress | undefined {
  const [card] = readMachine(reading.dir)?.machine.cards ?? [];
  if (card === undefined) throw instanceNotRunning(reading.name);
  const { backend } = card;
  if (backend.kind === 'user') {
    return backend.sshPort === null ? undefined : { host: '127.0.0.1', port: backend.sshPort };
  }
  const host = leasedAddress(layout, reading);
  if (host === undefined) return undefined;
  if (backend.within === 'host') return { host, port: SSH_PORT };
  const inside = insideByMachine(reading.dir, backend.bridge) ?? findInside(layout, backend.bridge);
  return inside === undefined ? undefined : { host, port: SSH_PORT, through: enterWords(inside) };
}
