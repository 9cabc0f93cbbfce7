import { MultipassError } from '../../errors.js';
import type { Accelerator, Machine } from '../../qemu/machine.js';
import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { decodeMachine } from './machine.js';

/** What an instance was started on, as `run/machine.json` keeps it: a suspended one is resumed on the very same. */
export interface MachineRecord extends WithUnknownKeys {
  readonly machine: Machine;
  /** UTC, ISO 8601 with milliseconds. */
  readonly started: string;
}

/**
 * What the instance runs on now, or was suspended on; undefined when it was never started by us.
 * @throws RecordError
 */
export function readMachine(dir: InstanceDir): MachineRecord | undefined {
  const place = readRecordIfAny(dir.machine);
  return place === undefined ? undefined : decodeMachineRecord(place);
}

/** A card that an instance has shown to a bridge. */
export interface BridgedCard {
  /** As of `Card` of {@link Machine}. */
  readonly mac: string;
  /** Name of the interface behind it. */
  readonly tap: string;
  /** As of `CardBackend` of {@link Machine}. */
  readonly within: 'host' | 'shared';
}

/** The cards that an instance has shown to bridges; none when that cannot be read. */
export function bridgedCards(dir: InstanceDir): BridgedCard[] {
  try {
    const cards = readMachine(dir)?.machine.cards ?? [];
    return cards.flatMap(({ mac, backend }) =>
      backend.kind === 'tap' ? [{ mac, tap: backend.tap, within: backend.within }] : [],
    );
  } catch (error) {
    if (error instanceof MultipassError) return [];
    throw error;
  }
}

/** What runs an instance's guest, or did the last time; undefined when that cannot be read. */
export function acceleratorOf(dir: InstanceDir): Accelerator | undefined {
  try {
    return readMachine(dir)?.machine.accelerator;
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

/** Keeps what the instance runs on. @throws MultipassError DISK_FULL, IO_ERROR, … */
export async function writeMachine(dir: InstanceDir, record: MachineRecord): Promise<void> {
  await replaceRecord(dir.machine, record);
}

/** @throws RecordError that names the file and the place in it */
function decodeMachineRecord(place: JsonPlace): MachineRecord {
  return {
    machine: decodeMachine(place.key('machine')),
    started: place.key('started').string(),
    ...place.unknownKeys(['machine', 'started']),
  };
}
