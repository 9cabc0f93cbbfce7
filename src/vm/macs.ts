import { randomUUID } from 'node:crypto';
import { readdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MultipassError } from '../errors.js';
import { isOccupied, withDraftFolder } from '../files/draft.js';
import { log } from '../log.js';
import { MacAddressGenerator } from '../net/mac-address-generator.js';
import type { MacAddress } from '../net/mac-address.js';
import { InstanceDir } from '../store/instance-dir.js';
import type { StoreLayout } from '../store/layout.js';
import { instanceEntryNames } from '../store/listing.js';
import { newToken } from '../store/maker-token.js';
import { inodeOf, MacTable, type RowHolder } from '../store/mac-table.js';
import { originalOf, type Folder } from './copies.js';
import { claimOf } from '../store/claim.js';
import { StagedInstance } from '../store/staging.js';
import { readRecordIfAny } from '../files/record.js';
import { syncPath, syncTree } from '../files/sync.js';
import { portRowsOf } from './records/forward.js';
import { MOST_INTERFACES } from './records/interface.js';
import type { InstanceSpec } from './records/spec.js';

/**
 * Claims MAC addresses for one instance, in the store's table: nobody else in the store ever has one that was claimed,
 * whichever processes ask at the same time.
 */
export class MacClaims implements AsyncDisposable {
  readonly #layout: StoreLayout;
  readonly #holder: RowHolder;
  readonly #table: MacTable;
  /** Where intents are noted: the instance in the making, or a scratch folder for one that exists. */
  #staged: StagedInstance | undefined;
  readonly #isScratch: boolean;

  private constructor(layout: StoreLayout, holder: RowHolder, staged?: StagedInstance) {
    this.#layout = layout;
    this.#holder = holder;
    this.#table = new MacTable(layout);
    this.#staged = staged;
    this.#isScratch = staged === undefined;
  }

  /** For an instance in the making: its rows are given back when it is never published. */
  static ofStaged(staged: StagedInstance): MacClaims {
    return new MacClaims(staged.layout, holderOf(staged.uuid, staged), staged);
  }

  /**
   * For an instance that exists, in its own folder: its rows stay, whatever becomes of what they were claimed for.
   * Dispose of it.
   */
  static ofExisting(
    layout: StoreLayout,
    { uuid, dir }: { uuid: string; dir: InstanceDir },
  ): MacClaims {
    return new MacClaims(layout, holderOf(uuid, dir));
  }

  /**
   * Claims an address. One that an existing instance has already is its own; one in the making claims each once.
   * @returns false when another has it
   * @throws MultipassError DISK_FULL, IO_ERROR, …
   */
  async claim(mac: MacAddress): Promise<boolean> {
    const hex = mac.toHex();
    if (!this.#isScratch) return (await this.#staged?.claimMac(hex)) === true;
    return await this.#adopt(hex, this.#holder);
  }

  /** Claims a new address. @throws MultipassError MAC_EXHAUSTED, DISK_FULL, … */
  async generate(): Promise<MacAddress> {
    return await MacAddressGenerator.instance.generate((mac) => this.claim(mac));
  }

  /**
   * Claims, for another instance, those of its addresses that have no row yet. An instance whose folder was copied
   * into the store by hand has none, and a clone of it must not get its addresses. Rows of others stay as they are, and
   * what is claimed for a copy of an instance names no folder.
   */
  async adopt(hexes: readonly string[], folder: Folder): Promise<void> {
    const { uuid } = folder.spec;
    const isCopy = originalOf(this.#layout, folder) !== undefined;
    const holder = isCopy ? { uuid, inode: undefined } : holderOf(uuid, folder.dir);
    for (const hex of hexes) await this.#adopt(hex, holder);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isScratch) await this.#staged?.discard();
  }

  async #adopt(hex: string, holder: RowHolder): Promise<boolean> {
    if (this.#table.holder(hex) === undefined) {
      const scratch = await this.#scratch();
      if (await scratch.claimMac(hex, holder)) return true;
    }
    const held = this.#table.holder(hex);
    if (held?.uuid !== holder.uuid) return false;
    // Its folder came with a copy of the whole store, or from another file system.
    if (holder.inode !== undefined && held.inode !== holder.inode) {
      const scratch = await this.#scratch();
      await scratch.renewRow(hex, holder);
    }
    return true;
  }

  async #scratch(): Promise<StagedInstance> {
    return (this.#staged ??= await StagedInstance.create(this.#layout, randomUUID(), null));
  }
}

function holderOf(uuid: string, { path }: InstanceDir): RowHolder {
  return { uuid, inode: inodeOf(path) };
}

/**
 * Makes sure that the MAC addresses of an instance are its own before they appear on a network; those without a row are
 * claimed now. From then on its rows name this folder, which is to be no copy of an instance.
 * @throws MultipassError MAC_TAKEN when another instance has one of them
 */
export async function requireOwnMacs(
  layout: StoreLayout,
  { dir, spec: { uuid, interfaces } }: { readonly dir: InstanceDir; readonly spec: InstanceSpec },
): Promise<void> {
  const table = new MacTable(layout);
  const foreign = interfaces.find(({ mac }) => (table.owner(mac.toHex()) ?? uuid) !== uuid);
  if (foreign !== undefined) throw macTaken(foreign.mac);
  await using claims = MacClaims.ofExisting(layout, { uuid, dir });
  for (const { mac } of interfaces) {
    if (!(await claims.claim(mac))) throw macTaken(mac);
  }
}

function macTaken(mac: MacAddress): MultipassError {
  return new MultipassError(
    'MAC_TAKEN',
    `the MAC address ${mac.toString()} belongs to another instance`,
    {
      hint: 'Clone the instance in place of copying its folder: two machines with one address cannot be on a network.',
      details: { mac: mac.toString() },
    },
  );
}

const MAC = /^(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/;

/**
 * The uuid and the MAC rows of an instance's folder, snapshots' interfaces included, and its rows of ports; undefined
 * when its spec cannot be read. Lenient, because it is also used for folders that are half made or Broken.
 */
export async function rowsOfFolder(
  folder: InstanceDir,
): Promise<{ uuid: string; rows: string[]; ports: string[] } | undefined> {
  const spec = readLeniently(folder.spec);
  const uuid = spec?.['uuid'];
  if (typeof uuid !== 'string') return undefined;
  const rows = [...rowsOfRecord(spec), ...(await rowsOfSnapshots(folder))];
  return { uuid, rows: [...new Set(rows)], ports: portRowsOf(spec) };
}

/** The MAC rows of an instance whose spec has been read, snapshots' interfaces included. */
export async function rowsOfReading({
  dir,
  spec,
}: {
  readonly dir: InstanceDir;
  readonly spec: InstanceSpec;
}): Promise<string[]> {
  const rows = [...spec.interfaces.map(({ mac }) => mac.toHex()), ...(await rowsOfSnapshots(dir))];
  return [...new Set(rows)];
}

async function rowsOfSnapshots(folder: InstanceDir): Promise<string[]> {
  const files = await readdir(folder.snapshots).catch((): string[] => []);
  return files.flatMap((file) => rowsOfRecord(readLeniently(join(folder.snapshots, file))));
}

/**
 * Rebuilds a missing MAC table from all instances, staged ones included: it is written in staging and then renamed. Two
 * processes that rebuild it at the same time come to the same rows.
 * @throws MultipassError STORE_READ_ONLY, PERMISSION_DENIED, DISK_FULL, IO_ERROR
 */
export async function rebuildMacTable(layout: StoreLayout): Promise<void> {
  log('warning', 'macs', 'the table of MAC addresses is missing: rebuilding it');
  const what = { doing: 'rebuild the table of MAC addresses', path: layout.macs };
  await withDraftFolder(layout.staged(newToken()), what, async (draft) => {
    await writeRows(layout, draft);
    await syncTree(draft);
    await rename(draft, layout.macs).catch(async (error: unknown) => {
      if (!isOccupied(error)) throw error;
      // Somebody else was faster; but a link that leads nowhere is no table.
      await readdir(layout.macs);
    });
    await syncPath(layout.root);
  });
}

async function writeRows(layout: StoreLayout, table: string): Promise<void> {
  const inTheMaking = (await readdir(layout.staging)).map((token) => layout.staged(token));
  const published = instanceEntryNames(layout).map((name) => layout.instance(name).path);
  for (const path of [...inTheMaking, ...published]) {
    const folder = new InstanceDir(path);
    for (const held of [await claimOf(folder), await rowsOfFolder(folder)]) {
      for (const hex of held?.rows ?? []) {
        await writeFile(join(table, hex), `${held?.uuid ?? ''}\n`, { mode: 0o600 });
      }
    }
  }
}

function rowsOfRecord(record: Readonly<Record<string, unknown>> | undefined): string[] {
  const interfaces = record?.['interfaces'];
  // A record of more is Broken, and claims nothing.
  if (!Array.isArray(interfaces) || interfaces.length > MOST_INTERFACES) return [];
  return interfaces.flatMap((item: unknown) => {
    const mac = (item as { mac?: unknown } | null)?.mac;
    return typeof mac === 'string' && MAC.test(mac) ? [mac.toLowerCase().replaceAll(':', '')] : [];
  });
}

function readLeniently(path: string): Readonly<Record<string, unknown>> | undefined {
  try {
    return readRecordIfAny(path)?.object();
  } catch (error) {
    log('debug', 'macs', (error as Error).message);
    return undefined;
  }
}
