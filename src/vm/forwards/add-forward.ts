import { MultipassError } from '../../errors.js';
import { Work } from '../../work.js';
import type { InstanceRequest } from '../instance-request.js';
import { ANY_STATE, openInstance, type OpenedInstance } from '../open.js';
import { MOST_FORWARDS, wantSamePort, type Forward } from '../records/forward.js';
import { whyNot } from './forward-errors.js';
import { checkForward, formatForward, portText, type ForwardChoice } from './forward-text.js';
import { PortClaims } from './port-claims.js';
import { wayInto } from './way-into.js';

/** Which port is forwarded into which instance. */
export interface AddForwardRequest extends InstanceRequest {
  readonly forward: ForwardChoice;
}

/**
 * Forwards a port of the host into an instance: for now if it runs, and at every start to come. One that there is
 * already is made again where it is not active. Killed in the middle, the instance has it or it has not; the port is
 * nobody's then.
 * @returns the forward
 * @throws MultipassError INVALID_ARGUMENT; PORT_TAKEN when another instance has the port, running or not, or it runs
 *   and another program has it; PERMISSION_DENIED, NETWORK_FAILED, NETWORK_UNAVAILABLE; INSTANCE_NOT_FOUND,
 *   INSTANCE_DELETED, DISK_FULL, ABORTED
 */
export async function addForward(request: AddForwardRequest): Promise<Forward> {
  const { layout, name } = request;
  const work = Work.of(request.work);
  const forward = checkForward(request.forward);
  await using opened = await openInstance(layout, name, {
    for: 'forward',
    states: ANY_STATE,
    disk: 'any',
    hold: 'mounts',
    work,
  });
  const { spec, state } = opened.reading;
  const { forwards } = spec;
  const own = forwards.find((one) => wantSamePort(one, forward));
  if (own !== undefined && !isSame(own, forward)) throw isOwn(name, own, forward);
  if (own === undefined && forwards.length >= MOST_FORWARDS) throw tooMany(name);
  await using claims = await PortClaims.ofExisting(layout, spec.uuid);
  await claims.claim(forward);
  if (own === undefined) await opened.writeSpec({ forwards: [...forwards, forward] });
  if (state === 'Running') {
    await applyNow(opened, forward, { before: own === undefined ? forwards : undefined, work });
  } else {
    const problem = await whyNot(forward);
    if (problem !== undefined)
      work.warn(`${problem.message}: see to it before "${name}" is started`);
  }
  return forward;
}

/** What cannot be now is not for later either: who asks for it wants to know, and choose another. */
async function applyNow(
  opened: OpenedInstance,
  forward: Forward,
  { before, work }: { before: readonly Forward[] | undefined; work: Work },
): Promise<void> {
  try {
    const way = wayInto(opened.layout, opened.reading, work.signal);
    const [refused] = await way.apply([forward]);
    if (refused !== undefined) throw refused.error;
  } catch (error) {
    if (before !== undefined) await opened.writeSpec({ forwards: before });
    throw error;
  }
}

function isSame(one: Forward, other: Forward): boolean {
  return formatForward(one) === formatForward(other);
}

function isOwn(name: string, own: Forward, forward: Forward): MultipassError {
  const text = `"${name}" has ${portText(own)} forwarded to its port ${own.guestPort} already`;
  return new MultipassError('PORT_TAKEN', text, {
    hint: `Take that off with \`multipass forward ${name} --remove ${formatForward(own)}\`, or choose another port.`,
    details: { port: portText(forward), instance: name },
  });
}

function tooMany(name: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `"${name}" has ${MOST_FORWARDS} forwards already`, {
    hint: 'Remove some of them first.',
    details: { name },
  });
}
