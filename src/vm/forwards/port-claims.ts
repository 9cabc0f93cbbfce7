import { MultipassError } from '../../errors.js';
import { readRecordIfAny } from '../../files/record.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { parsePortRow } from '../../store/port-row.js';
import { PortTable, type PortHolder } from '../../store/port-table.js';
import { StagedInstance } from '../../store/staging.js';
import { rowsOfFolder } from '../macs.js';
import { portRowOf, type Forward } from '../records/forward.js';
import { portText } from './forward-text.js';

/**
 * Claims ports of the host for one instance, in the store's table: nobody else in the store has one that was claimed.
 * In the end an instance has the rows that its spec names, and no others, whatever fails or is killed between.
 */
export class PortClaims implements AsyncDisposable {
  readonly #staged: StagedInstance;
  readonly #isScratch: boolean;

  private constructor(staged: StagedInstance, isScratch: boolean) {
    this.#staged = staged;
    this.#isScratch = isScratch;
  }

  /** For an instance in the making: its rows are given back when it is never published. */
  static ofStaged(staged: StagedInstance): PortClaims {
    return new PortClaims(staged, false);
  }

  /** For an instance that exists; dispose of it once the spec is written. @throws MultipassError DISK_FULL, … */
  static async ofExisting(layout: StoreLayout, uuid: string): Promise<PortClaims> {
    return new PortClaims(await StagedInstance.create(layout, uuid, null), true);
  }

  /**
   * Claims the host's port of a forward.
   * @throws MultipassError PORT_TAKEN when another instance has it, running or not; DISK_FULL, IO_ERROR, …
   */
  async claim(forward: Forward): Promise<void> {
    const holder = await this.#staged.claimPort(portRowOf(forward), rowsOfFolder);
    if (holder !== undefined) throw portIsForwarded(this.#staged.layout, forward, holder);
  }

  /** Gives a port back that the spec is about to lose. */
  async giveBack(forward: Forward): Promise<void> {
    await this.#staged.intendPort(portRowOf(forward), rowsOfFolder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isScratch) await this.#staged.discard();
  }
}

/** @throws MultipassError PORT_TAKEN for the first of some forwards whose port an instance has */
export async function requireUnclaimed(
  layout: StoreLayout,
  forwards: readonly Forward[],
): Promise<void> {
  const table = new PortTable(layout);
  for (const forward of forwards) {
    const holder = await table.find(portRowOf(forward), rowsOfFolder);
    if (holder !== undefined) throw portIsForwarded(layout, forward, holder);
  }
}

/** The refusal of a port that another instance forwards. */
function portIsForwarded(
  layout: StoreLayout,
  forward: Forward,
  { row, uuid }: PortHolder,
): MultipassError {
  const name = instanceWith(layout, uuid);
  const taken = parsePortRow(row);
  const port = taken === undefined ? forward : { ...taken, hostPort: taken.port };
  const [text, by] = [portText(port), name === undefined ? 'another instance' : `"${name}"`];
  const instead =
    name === undefined
      ? ''
      : `, or take it from there: \`multipass forward ${name} --remove ${text}\``;
  return new MultipassError('PORT_TAKEN', `${text} is forwarded to ${by} already`, {
    hint: `Choose another port${instead}.`,
    details: { port: text, instance: name ?? null },
  });
}

/** Name of the instance with a uuid; undefined when there is none. */
export function instanceWith(layout: StoreLayout, uuid: string): string | undefined {
  return instanceEntryNames(layout).find((name) => {
    try {
      return readRecordIfAny(layout.instance(name).spec)?.object()['uuid'] === uuid;
    } catch (error) {
      if (error instanceof MultipassError) return false;
      throw error;
    }
  });
}
