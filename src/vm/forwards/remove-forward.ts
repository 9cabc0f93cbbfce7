import { MultipassError } from '../../errors.js';
import { Work } from '../../work.js';
import type { InstanceRequest } from '../instance-request.js';
import { ANY_STATE, openInstance } from '../open.js';
import type { Forward } from '../records/forward.js';
import { LOOPBACK, portText, type ForwardedPort } from './forward-text.js';
import { PortClaims } from './port-claims.js';
import { wayInto } from './way-into.js';

/** Which forward is taken off which instance. */
export interface RemoveForwardRequest extends InstanceRequest {
  readonly forward: ForwardedPort;
}

/**
 * Ends a forward, for now and for every start to come; its port is free for other instances. Connections that there are
 * may go on.
 * @returns the forward that it was
 * @throws MultipassError FORWARD_NOT_FOUND, INSTANCE_NOT_FOUND, INSTANCE_DELETED, QMP_FAILED, ABORTED, …
 */
export async function removeForward(request: RemoveForwardRequest): Promise<Forward> {
  const { layout, name, forward: wanted } = request;
  const work = Work.of(request.work);
  await using opened = await openInstance(layout, name, {
    for: 'forward',
    states: ANY_STATE,
    disk: 'any',
    hold: 'mounts',
    work,
  });
  const { spec, state } = opened.reading;
  const found = spec.forwards.find((one) => isMeant(one, wanted));
  if (found === undefined) throw notForwarded(name, wanted);
  await using claims = await PortClaims.ofExisting(layout, spec.uuid);
  await claims.giveBack(found);
  if (state === 'Running') await wayInto(layout, opened.reading, work.signal).remove([found]);
  await opened.writeSpec({ forwards: spec.forwards.filter((one) => one !== found) });
  return found;
}

function isMeant(
  { address, hostPort, guestPort, protocol }: Forward,
  { address: at = LOOPBACK, host, guest = guestPort, protocol: how = 'tcp' }: ForwardedPort,
): boolean {
  return address === at && hostPort === host && guestPort === guest && protocol === how;
}

function notForwarded(name: string, wanted: ForwardedPort): MultipassError {
  const { address = LOOPBACK, host: hostPort, protocol = 'tcp', guest } = wanted;
  const port = portText({ address, hostPort, protocol });
  const where = guest === undefined ? '' : ` to its port ${guest}`;
  return new MultipassError('FORWARD_NOT_FOUND', `${port} is not forwarded${where} in "${name}"`, {
    hint: `See \`multipass forward ${name} --list\` for what is.`,
    details: { name, port },
  });
}
