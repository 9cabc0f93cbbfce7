import { errnoOf, RecordError } from '../../errors.js';
import type { JsonPlace } from '../../files/decoder.js';
import type { StoreLayout } from '../../store/layout.js';
import { withRecordLock } from '../../store/record-lock.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { isStoreSettingKey, storeSetting, type StoreSettingKey } from './store-settings.js';

/** What has been set: `settings.json`, with the keys that this version does not know. */
export interface SettingsRecord {
  readonly known: Readonly<Partial<Record<StoreSettingKey, string>>>;
  /** The whole object. */
  readonly all: Readonly<Record<string, unknown>>;
}

/**
 * Reads `settings.json` strictly: one small read, no lock. No file means that nothing has been set.
 * @throws RecordError naming the file and the place; MultipassError PERMISSION_DENIED
 */
export function readSettingsFile(layout: StoreLayout): SettingsRecord {
  const place = readIfStore(layout.settingsFile);
  if (place === undefined) return { known: {}, all: {} };
  const all = place.object();
  const known: Partial<Record<StoreSettingKey, string>> = {};
  for (const key of Object.keys(all).filter(isStoreSettingKey)) {
    const item = place.key(key);
    const value = item.string();
    const problem = storeSetting(key).problemOf(value);
    if (problem !== null) item.fail(`${JSON.stringify(value)} is not right: ${problem}`);
    known[key] = value;
  }
  return { known, all };
}

/** Where the store should be there may be a file: whoever needs the store tells that best. */
function readIfStore(path: string): JsonPlace | undefined {
  try {
    return readRecordIfAny(path);
  } catch (error) {
    if (error instanceof RecordError && errnoOf(error.cause) === 'ENOTDIR') return undefined;
    throw error;
  }
}

/**
 * Sets one key of `settings.json` atomically and durably, while no other process does; all other keys survive.
 * @throws RecordError when the file cannot be read, which leaves it as it is; MultipassError DISK_FULL,
 *   STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR, ABORTED
 */
export async function writeSetting(
  layout: StoreLayout,
  key: StoreSettingKey,
  value: string,
  signal?: AbortSignal,
): Promise<void> {
  await withRecordLock(layout.settingsLock, signal, async () => {
    const { all } = readSettingsFile(layout);
    await replaceRecord(layout.settingsFile, { ...all, [key]: value });
  });
}
