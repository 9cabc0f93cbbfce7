import { MultipassError } from '../../errors.js';
import { usersOfPort } from '../../net/listeners.js';
import type { StoreLayout } from '../../store/layout.js';
import { PortTable } from '../../store/port-table.js';
import { isRunning } from '../read-instance.js';
import { portRowOf, type Forward, type Protocol } from '../records/forward.js';
import type { InstanceSpec } from '../records/spec.js';
import { placeOf } from './forward-errors.js';
import { instanceWith } from './port-claims.js';
import { wayInto } from './way-into.js';

/** `active`: it leads into the instance; `blocked`: that runs, and it does not; `stopped`: it does not run. */
export type ForwardState = 'active' | 'blocked' | 'stopped';

/** Who has the port of a forward in its place; all null where that cannot be told. */
export interface ForwardBlocker {
  /** Name of an instance of the store. */
  readonly instance: string | null;
  /** Name of a program of this host. */
  readonly program: string | null;
  /** Of that program. */
  readonly pid: number | null;
}

/** A forward, and what has become of it. */
export interface ForwardView {
  /** Name of the instance. */
  readonly instance: string;
  /** Of the host. */
  readonly address: string;
  /** 1 to 65535. */
  readonly hostPort: number;
  /** 1 to 65535. */
  readonly guestPort: number;
  /** `tcp` or `udp`. */
  readonly protocol: Protocol;
  /** What has become of it. */
  readonly state: ForwardState;
  /** Null unless it is `blocked`. */
  readonly blockedBy: ForwardBlocker | null;
}

/**
 * The forwards of an instance as they are now: the kernel is asked, and nobody is waited for. Takes no lock, and writes
 * nothing.
 */
export async function viewForwards(
  layout: StoreLayout,
  { name, spec }: { readonly name: string; readonly spec: InstanceSpec },
): Promise<ForwardView[]> {
  const { forwards, uuid } = spec;
  if (forwards.length === 0) return [];
  const dir = layout.instance(name);
  const active = isRunning(dir) ? await activeOf(layout, name, forwards) : undefined;
  return forwards.map((forward) => {
    const { address, hostPort, guestPort, protocol } = forward;
    const common = { instance: name, address, hostPort, guestPort, protocol };
    if (active === undefined) return { ...common, state: 'stopped', blockedBy: null };
    if (active.includes(forward)) return { ...common, state: 'active', blockedBy: null };
    return { ...common, state: 'blocked', blockedBy: blockerOf(layout, forward, uuid) };
  });
}

async function activeOf(
  layout: StoreLayout,
  name: string,
  forwards: readonly Forward[],
): Promise<readonly Forward[]> {
  try {
    return await wayInto(layout, { dir: layout.instance(name) }).active(forwards);
  } catch (error) {
    if (error instanceof MultipassError) return [];
    throw error;
  }
}

function blockerOf(layout: StoreLayout, forward: Forward, uuid: string): ForwardBlocker {
  const owner = new PortTable(layout).owner(portRowOf(forward));
  const instance = owner === undefined || owner === uuid ? undefined : instanceWith(layout, owner);
  const [user] = instance === undefined ? usersOfPort(placeOf(forward)) : [];
  return {
    instance: instance ?? null,
    program: user?.program ?? null,
    pid: user?.pid ?? null,
  };
}
