import { checkStoreFormat } from '../../store/format.js';
import { prepareStore } from '../sweep.js';
import { hashPassphrase } from './passphrase.js';
import { invalidSetting } from './setting-errors.js';
import type { SettingHandler } from './setting-handler.js';
import { readSettingsFile, writeSetting } from './settings-file.js';
import { isStoreSettingKey, STORE_SETTINGS, storeSetting } from './store-settings.js';

/** `client.*` and `local.*`: what `settings.json` holds. */
export const storeSettingHandler: SettingHandler = {
  keys: async () => Promise.resolve(Object.keys(STORE_SETTINGS)),

  get(layout, key) {
    if (!isStoreSettingKey(key)) return undefined;
    checkStoreFormat(layout);
    const { fallback, show } = storeSetting(key);
    const stored = readSettingsFile(layout).known[key] ?? fallback;
    return show === undefined ? stored : show(stored);
  },

  async set(layout, key, value, { work }) {
    if (!isStoreSettingKey(key)) return false;
    const { normalise, problemOf } = storeSetting(key);
    const plain = normalise === undefined ? value : normalise(value);
    const stored = key === 'local.passphrase' ? await hashPassphrase(value) : plain;
    const problem = problemOf(stored);
    if (problem !== null) throw invalidSetting(key, value, problem);
    await prepareStore(layout);
    await writeSetting(layout, key, stored, work.signal);
    return true;
  },
};
