import { fromSystemError, MultipassError } from '../../errors.js';
import type { Machine } from '../../qemu/machine.js';
import { Work } from '../../work.js';
import { applyForwards } from '../forwards/apply-forwards.js';
import type { OpenedInstance } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import { snapshotTag, type SnapshotRecord } from '../records/snapshot-record.js';
import { bootInstance } from '../run/boot.js';
import { enterStarted, type StartOptions } from '../run/start-instance.js';
import { readSettings, type Environment } from '../settings/settings.js';
import { restoreSnapshot, type RestoreSnapshotRequest } from '../snapshots/restore-snapshot.js';

/** Which snapshot is restored, and how its guest goes on where it can. */
export interface RestoreAndGoOnRequest
  extends RestoreSnapshotRequest, Pick<StartOptions, 'timeoutMs'> {
  /** Variables that settings may come from. Default: this process's own. */
  readonly env?: Environment | undefined;
}

/**
 * Restores a snapshot, and where that holds the memory of its guest has it go on from there: on the machine that it was
 * on, with its clock set and its mounts mounted. The disk is restored first, as ever; from then on the instance is one
 * that is stopped as after a power cut, until its guest goes on.
 * @returns whether it runs now
 * @throws MultipassError as {@link restoreSnapshot}; as {@link bootInstance} when its memory cannot be loaded: its disk
 *   is restored then; TIMED_OUT when it runs and does not let us in
 */
export async function restoreAndGoOn(request: RestoreAndGoOnRequest): Promise<boolean> {
  const { layout, name, timeoutMs, env = process.env } = request;
  const work = Work.of(request.work);
  const running: InstanceReading[] = [];
  await restoreSnapshot({
    ...request,
    work,
    goOn: async (opened, record) => {
      const machine = machineToGoOn(opened, record);
      if (machine === null) {
        work.warn(
          `the memory of "${name}" is another machine's: its disk is restored, and it is stopped`,
        );
        return;
      }
      work.begin('starting', name);
      const settings = readSettings(layout, env);
      const memory = { tag: snapshotTag(record.index), machine };
      await bootInstance({ opened, settings, work, memory }).catch((error: unknown) => {
        throw onlyItsDisk(error, name);
      });
      running.push(opened.reading);
    },
  });
  const [reading] = running;
  if (reading === undefined) return false;
  await applyForwards({ layout, reading, work });
  await enterStarted({ layout, started: { how: 'resumed', reading }, timeoutMs, work });
  return true;
}

/**
 * What the memory goes on with: itself, so its cards have the addresses that it knows, which have to be the instance's
 * own. A folder that was copied by hand has others by now.
 */
function machineToGoOn(
  { reading: { spec, disk } }: OpenedInstance,
  { index, machine }: SnapshotRecord,
): Machine | null {
  const state = disk.snapshots.find(({ name }) => name === snapshotTag(index));
  const macs = spec.interfaces.map(({ mac }) => mac.toString());
  if (
    machine === undefined ||
    state === undefined ||
    state.vmStateSize === 0 ||
    machine.uuid !== spec.uuid ||
    machine.cards.map(({ mac }) => mac).join() !== macs.join()
  ) {
    return null;
  }
  // By a new one the guest knows that it goes on from another past.
  return { ...machine, vmgenid: spec.vmgenid };
}

function onlyItsDisk(error: unknown, name: string): unknown {
  const cause = fromSystemError(error, `start "${name}"`);
  if (!(cause instanceof MultipassError)) return error;
  const { message, hint } = cause;
  return cause.restated({
    message: `${message}; the disk of "${name}" is restored, its memory is not`,
    hint: `${hint === undefined ? '' : `${hint} `}Or boot it from its disk: \`multipass start ${name}\`.`,
  });
}
