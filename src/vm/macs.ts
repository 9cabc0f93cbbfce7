import { mkdir, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../errors.js';
import { log } from '../log.js';
import { InstanceDir } from '../store/instance-dir.js';
import type { StoreLayout } from '../store/layout.js';
import { instanceEntryNames } from '../store/listing.js';
import { newToken } from '../store/maker-token.js';
import { claimOf } from '../store/staging.js';
import { readRecordIfAny } from '../files/record.js';
import { syncPath, syncTree } from '../files/sync.js';

const MAC = /^(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}$/;

/**
 * The uuid and the MAC rows of an instance's folder, snapshots' interfaces included; undefined when its spec cannot
 * be read. Lenient, for it is asked of half-made folders and of broken ones.
 */
export async function rowsOfFolder(
  folder: InstanceDir,
): Promise<{ uuid: string; rows: string[] } | undefined> {
  const spec = readLeniently(folder.spec);
  const uuid = spec?.['uuid'];
  if (typeof uuid !== 'string') return undefined;
  const files = await readdir(folder.snapshots).catch((): string[] => []);
  const records = [spec, ...files.map((file) => readLeniently(join(folder.snapshots, file)))];
  return { uuid, rows: [...new Set(records.flatMap(rowsOfRecord))] };
}

/**
 * Rebuilds a MAC table that is gone from the instances there are, half-made ones included: whole in staging, then one rename. Whoever else
 * rebuilds it at the same time comes to the same rows.
 * @throws MultipassError STORE_READ_ONLY, PERMISSION_DENIED, DISK_FULL, IO_ERROR
 */
export async function rebuildMacTable(layout: StoreLayout): Promise<void> {
  log('warning', 'macs', 'the table of MAC addresses is missing: rebuilding it');
  const draft = layout.staged(newToken());
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeRows(layout, draft);
    await syncTree(draft);
    await rename(draft, layout.macs);
    await syncPath(layout.root);
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    // Somebody else was faster.
    if (errnoOf(error) === 'ENOTEMPTY' || errnoOf(error) === 'EEXIST') return;
    throw fromSystemError(error, 'rebuild the table of MAC addresses', layout.macs);
  }
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
  if (!Array.isArray(interfaces)) return [];
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
