import { listInstances } from '../list-instances.js';
import { isValidName } from '../names.js';
import { ANY_STATE, lookAt } from '../open.js';
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
    const { spec } = lookAt(layout, name, { for: 'get', states: ANY_STATE, disk: 'any' });
    return INSTANCE_PROPERTIES[property](spec, () => readSettings(layout, {}));
  },

  async set(layout, key, value, { work }) {
    const found = parseKey(key);
    if (found === undefined) return false;
    const { updateInstance } = await import('./update-instance.js');
    await updateInstance({ layout, key, value, ...found, work });
    return true;
  },
};

function parseKey(key: string): { name: string; property: InstanceProperty } | undefined {
  const [local, name = '', property = '', ...more] = key.split('.');
  if (local !== 'local' || more.length > 0 || !isValidName(name)) return undefined;
  return isInstanceProperty(property) ? { name, property } : undefined;
}
