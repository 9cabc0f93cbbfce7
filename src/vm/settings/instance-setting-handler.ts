import { checkStoreFormat } from '../../store/format.js';
import { instanceDeleted, instanceNotFound } from '../errors.js';
import { listInstances } from '../list-instances.js';
import { isValidName } from '../names.js';
import { readInstance } from '../read-instance.js';
import {
  INSTANCE_PROPERTIES,
  isInstanceProperty,
  type InstanceProperty,
} from './instance-properties.js';
import type { SettingHandler } from './setting-handler.js';
import { readSettings } from './settings.js';

/** `local.<instance>.<property>`. */
export const instanceSettingHandler: SettingHandler = {
  async keys(layout) {
    const views = await listInstances(layout);
    const there = views.filter(({ state }) => state !== 'Broken' && state !== 'Deleted');
    return there.flatMap(({ name }) =>
      Object.keys(INSTANCE_PROPERTIES).map((property) => `local.${name}.${property}`),
    );
  },

  get(layout, key) {
    const found = parseKey(key);
    if (found === undefined) return undefined;
    const { name, property } = found;
    if (!checkStoreFormat(layout)) throw instanceNotFound(name);
    const { state, spec } = readInstance(layout, name);
    if (state === 'Deleted') throw instanceDeleted(name);
    return INSTANCE_PROPERTIES[property](spec, () => readSettings(layout, {}));
  },

  async set(layout, key, value, { signal }) {
    const found = parseKey(key);
    if (found === undefined) return false;
    const { updateInstance } = await import('./update-instance.js');
    await updateInstance({ layout, key, value, ...found, signal });
    return true;
  },
};

function parseKey(key: string): { name: string; property: InstanceProperty } | undefined {
  const [local, name = '', property = '', ...more] = key.split('.');
  if (local !== 'local' || more.length > 0 || !isValidName(name)) return undefined;
  return isInstanceProperty(property) ? { name, property } : undefined;
}
