import type { StoreLayout } from '../../store/layout.js';
import { INSTANCE_PROPERTIES } from './instance-properties.js';
import { instanceSettingHandler } from './instance-setting-handler.js';
import { unknownSetting } from './setting-errors.js';
import { Work, type WorkRequest } from '../../work.js';
import type { SettingHandler } from './setting-handler.js';
import { snapshotSettingHandler } from './snapshot-setting-handler.js';
import { storeSettingHandler } from './store-setting-handler.js';
import { STORE_SETTINGS } from './store-settings.js';

/** Asked in this order. A further kind of settings is a further handler. */
const HANDLERS: readonly SettingHandler[] = [
  storeSettingHandler,
  instanceSettingHandler,
  snapshotSettingHandler,
];

/**
 * The value of a setting as `get` prints it; '' for nothing.
 * @throws MultipassError SETTING_UNKNOWN, INSTANCE_NOT_FOUND, INSTANCE_DELETED, STORE_TOO_NEW; RecordError
 */
export function getSetting(layout: StoreLayout, key: string): string {
  for (const handler of HANDLERS) {
    const value = handler.get(layout, key);
    if (value !== undefined) return value;
  }
  throw unknownSetting(key, keysLike(key));
}

/**
 * Changes a setting, atomically and durably; the store is made at first use.
 * @throws MultipassError SETTING_UNKNOWN, SETTING_INVALID, INSTANCE_NOT_FOUND, STORE_TOO_NEW, ABORTED, …; RecordError
 */
export async function setSetting(
  layout: StoreLayout,
  key: string,
  value: string,
  request: WorkRequest = {},
): Promise<void> {
  const work = Work.of(request.work);
  for (const handler of HANDLERS) {
    if (await handler.set(layout, key, value, { work })) return;
  }
  throw unknownSetting(key, keysLike(key));
}

/**
 * The keys that there are now, sorted: those of the store, and those of every instance that is neither deleted nor
 * Broken.
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function settingKeys(layout: StoreLayout): Promise<string[]> {
  const keys = await Promise.all(HANDLERS.map((handler) => handler.keys(layout)));
  return keys.flat().sort();
}

/** The keys that there could be beside one: those of the store, and those of the instance that it names. */
function keysLike(key: string): string[] {
  const [local = '', name = '', ...property] = key.split('.');
  const ofInstance = Object.keys(INSTANCE_PROPERTIES).map((one) => `${local}.${name}.${one}`);
  return [...Object.keys(STORE_SETTINGS), ...(property.length === 1 ? ofInstance : [])];
}
