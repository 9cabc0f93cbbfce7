import { readdirSync } from 'node:fs';
import { link, unlink, writeFile } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../errors.js';
import { makeFolder } from '../files/make-folder.js';
import { readSmallFileIfAny } from '../files/record.js';
import { syncPath } from '../files/sync.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { parseRow, type RowsOf } from './mac-table.js';
import { isPortHeld, isPortPromised } from './port-holders.js';
import { collides, parsePortRow } from './port-row.js';
import { withRecordLock } from './record-lock.js';

/** Who has a port that somebody else wants. */
export interface PortHolder {
  /** The row that is in the way: that of the port, or of all addresses. */
  readonly row: string;
  readonly uuid: string;
}

/** For whom a port is claimed. */
export interface PortClaim {
  readonly uuid: string;
  /** A durable file of the same file system that holds the uuid: it becomes the row. */
  readonly uuidFile: string;
  readonly rowsOf: RowsOf;
}

/**
 * The ports of the host that instances forward, one file each: `ports/<protocol>-<address>-<port>` holds the uuid of
 * the instance that has it. `0.0.0.0` is every address: its row keeps all others of that port away, and they it.
 *
 * A row is believed as long as a spec, or an intent in `staging/`, says the same: whoever claims one notes that first,
 * so that what a kill leaves stands in nobody's way. One process at a time changes the table (`ports/lock`).
 */
export class PortTable {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /**
   * Claims a port, whose intent is noted already; durable when this resolves.
   * @returns who has it, or undefined when it is claimed; that may have been before
   * @throws MultipassError DISK_FULL, PERMISSION_DENIED, IO_ERROR
   */
  async claim(row: string, claim: PortClaim): Promise<PortHolder | undefined> {
    const layout = this.#layout;
    await makeFolder(layout.ports, { doing: 'forward a port' });
    return await withRecordLock(layout.portsLock, undefined, async () => {
      for (const other of this.rows().filter((name) => collides(name, row))) {
        const uuid = this.owner(other);
        if (uuid === claim.uuid && other === row) return undefined;
        if (
          uuid === claim.uuid ||
          (uuid !== undefined && (await this.#isHeld(other, uuid, claim.rowsOf)))
        )
          return { row: other, uuid };
        log('info', 'ports', `"${other}" belongs to nobody any more`);
        await remove(layout.portRow(other));
      }
      await place(layout.portRow(row), claim.uuidFile);
      await syncPath(layout.ports);
      return undefined;
    });
  }

  /** Who has a port, or one that is in its way; undefined when it could be claimed. Changes nothing. */
  async find(row: string, rowsOf: RowsOf): Promise<PortHolder | undefined> {
    for (const other of this.rows().filter((name) => collides(name, row))) {
      const uuid = this.owner(other);
      if (uuid !== undefined && (await this.#isHeld(other, uuid, rowsOf)))
        return { row: other, uuid };
    }
    return undefined;
  }

  /** The uuid of who has a row; undefined when nobody has. */
  owner(row: string): string | undefined {
    const text = readSmallFileIfAny(this.#layout.portRow(row));
    return text === undefined ? undefined : parseRow(text).uuid;
  }

  /** The names of all rows. */
  rows(): string[] {
    try {
      return readdirSync(this.#layout.ports).filter((name) => parsePortRow(name) !== undefined);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return [];
      throw fromSystemError(error, 'read', this.#layout.ports);
    }
  }

  /** Frees those of some rows that an instance has and that no spec of its has any more. */
  async release(
    rows: readonly string[],
    { uuid, rowsOf }: Pick<PortClaim, 'uuid' | 'rowsOf'>,
  ): Promise<void> {
    const own = rows.filter((row) => this.owner(row) === uuid);
    if (own.length === 0) return;
    await withRecordLock(this.#layout.portsLock, undefined, async () => {
      for (const row of own) {
        if (this.owner(row) !== uuid) continue;
        if (await isPortHeld(this.#layout, { row, uuid }, rowsOf)) continue;
        await remove(this.#layout.portRow(row));
      }
    });
  }

  async #isHeld(row: string, uuid: string, rowsOf: RowsOf): Promise<boolean> {
    const holder = { row, uuid };
    // In this order: what is published meanwhile is seen in one of both.
    if (await isPortPromised(this.#layout, holder, rowsOf)) return true;
    return await isPortHeld(this.#layout, holder, rowsOf);
  }
}

async function place(row: string, uuidFile: string): Promise<void> {
  try {
    await link(uuidFile, row);
  } catch (error) {
    if (!HAS_NO_LINKS.has(errnoOf(error) ?? ''))
      throw fromSystemError(error, 'forward a port', row);
    await writeFile(row, readSmallFileIfAny(uuidFile) ?? '', { mode: 0o600 });
    await syncPath(row);
  }
}

async function remove(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (errnoOf(error) !== 'ENOENT') throw error;
  });
}

const HAS_NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS']);
