import { existsSync } from 'node:fs';
import type { StoreLayout } from '../store/layout.js';
import { holderPurposes } from '../store/lock-holders.js';
import type { InstanceReading } from './read-instance.js';
import type { DiskStep } from './records/pending-record.js';
import { isToStop } from './records/stop-record.js';
import type { InstanceState, LiveState } from './state.js';

/** What commands do to running instances while they hold no lock of theirs, and what it is called then. */
const DOING: Readonly<Record<string, LiveState>> = { restart: 'Restarting', suspend: 'Suspending' };

/**
 * Tells more of an instance whose QEMU lives than that it does: whether its guest has let us in yet in this run, and
 * what a command is doing to it. One look at the notes of the commands serves a whole list; where nothing runs, none is
 * taken, unless something is pending.
 */
export class LiveStates {
  readonly #layout: StoreLayout;
  #purposes: ReadonlyMap<string, ReadonlySet<string>> | undefined;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /** The operation in place that a dead command left unfinished; what a living one is at is not left. */
  leftPending({ name, pending }: InstanceReading): DiskStep['operation'] | undefined {
    return pending === undefined || this.#doings(name).size > 0
      ? undefined
      : pending.step.operation;
  }

  /** The state of an instance as it was read. */
  of({ name, dir, state }: InstanceReading): Exclude<InstanceState, 'Broken'> {
    if (state !== 'Running') return state;
    for (const purpose of this.#doings(name)) {
      const doing = DOING[purpose];
      if (doing !== undefined) return doing;
    }
    if (!existsSync(dir.answered)) return 'Starting';
    return isToStop(dir) ? 'Delayed Shutdown' : 'Running';
  }

  #doings(name: string): ReadonlySet<string> {
    this.#purposes ??= holderPurposes(this.#layout);
    return this.#purposes.get(name) ?? new Set();
  }
}
