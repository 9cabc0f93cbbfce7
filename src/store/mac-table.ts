import { lstatSync } from 'node:fs';
import { link, open, rename, stat, unlink, writeFile } from 'node:fs/promises';
import { errnoOf, fromSystemError } from '../errors.js';
import type { InstanceDir } from './instance-dir.js';
import type { StoreLayout } from './layout.js';
import { readSmallFileIfAny } from '../files/record.js';

/** Whose a row is. */
export interface RowHolder {
  readonly uuid: string;
  /** Inode of the folder that it was claimed for; undefined where that is not on record. */
  readonly inode: string | undefined;
}

/** What an instance's folder holds in the tables. The store knows the rows; only vm can read a spec. */
export type RowsOf = (folder: InstanceDir) => Promise<HeldRows | undefined>;

/** Rows of one instance. */
export interface HeldRows {
  readonly uuid: string;
  /** Of MAC addresses. */
  readonly rows: readonly string[];
  /** Of ports of the host; none where they are left out. */
  readonly ports?: readonly string[];
}

/** The text of a row: a line with the uuid, and one with the inode. */
export function rowText({ uuid, inode }: RowHolder): string {
  return inode === undefined ? `${uuid}\n` : `${uuid}\n${inode}\n`;
}

/** The inverse of {@link rowText}. */
export function parseRow(text: string): RowHolder {
  const [uuid = '', inode] = text.trim().split('\n');
  return { uuid, inode };
}

/** The inode of a folder, as rows hold it; undefined when there is none. A rename keeps it, a copy has another. */
export function inodeOf(path: string): string | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false })?.ino.toString();
}

/**
 * The MAC addresses in use, one file each: `macs/<12 hex digits>` holds the uuid of the instance it belongs to, and the
 * inode of the folder that has it, by which the instance is told from a copy that was made by hand. The
 * file system's exclusive link is the whole mutual exclusion, so its cost does not grow with the store and any number
 * of processes may claim at once. A row is released only after the instance is durably gone; one that leaks is
 * harmless, there are 16 million of them.
 */
export class MacTable {
  readonly #layout: StoreLayout;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
  }

  /**
   * Claims a row for the instance whose uuid `uuidFile` (a file of the same file system, already durable) holds:
   * complete and exclusive at once.
   * @returns false when the row is taken
   */
  async claim(hex: string, uuidFile: string): Promise<boolean> {
    const row = this.#layout.macRow(hex);
    try {
      await link(uuidFile, row);
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      if (!HAS_NO_LINKS.has(errnoOf(error) ?? ''))
        throw fromSystemError(error, 'reserve a MAC', row);
      return await this.#claimByCreating(row, uuidFile);
    }
  }

  /** The uuid that holds a row, or undefined when it is free. */
  owner(hex: string): string | undefined {
    return this.holder(hex)?.uuid;
  }

  /** Who holds a row, or undefined when it is free. */
  holder(hex: string): RowHolder | undefined {
    const text = readSmallFileIfAny(this.#layout.macRow(hex));
    return text === undefined ? undefined : parseRow(text);
  }

  /** Puts another content, `file`, in the place of a row that the same instance holds. It is gone from there then. */
  async renew(hex: string, file: string): Promise<void> {
    await rename(file, this.#layout.macRow(hex));
  }

  /** Frees a row if `uuid` holds it. To be called only once that instance is durably gone. */
  async release(hex: string, uuid: string): Promise<void> {
    if (this.owner(hex) !== uuid) return;
    await unlink(this.#layout.macRow(hex)).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw error;
    });
  }

  /** True when there is no table at all, so that it has to be rebuilt from the instances. */
  async isMissing(): Promise<boolean> {
    try {
      await stat(this.#layout.macs);
      return false;
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return true;
      throw fromSystemError(error, 'read', this.#layout.macs);
    }
  }

  /** Where there are no hard links (exFAT, some network mounts): exclusive all the same, complete a moment later. */
  async #claimByCreating(row: string, uuidFile: string): Promise<boolean> {
    try {
      const handle = await open(row, 'wx', 0o600);
      try {
        await writeFile(handle, readSmallFileIfAny(uuidFile) ?? '');
        await handle.sync();
      } finally {
        await handle.close();
      }
      return true;
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return false;
      throw fromSystemError(error, 'reserve a MAC', row);
    }
  }
}

const HAS_NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'EMLINK', 'ENOSYS']);
