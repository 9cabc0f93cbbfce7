import { MultipassError } from '../../errors.js';
import { formatMemorySize } from '../../memory-size.js';
import { checkStoreFormat } from '../../store/format.js';
import { instanceDeleted, instanceNotFound } from '../instance-errors.js';
import { listInstances } from '../list-instances.js';
import { isValidName } from '../names.js';
import { readInstance } from '../read-instance.js';
import type { InstanceSpec } from '../records/spec.js';
import type { SettingHandler } from './setting-handler.js';

/** What can be asked of an instance, as people read it. */
const PROPERTIES: Readonly<Record<string, (spec: InstanceSpec) => string>> = {
  cpus: ({ cpus }) => String(cpus),
  disk: ({ disk }) => formatMemorySize(disk),
  memory: ({ memory }) => formatMemorySize(memory),
};

/** `local.<instance>.<property>`. */
export const instanceSettingHandler: SettingHandler = {
  async keys(layout) {
    const views = await listInstances(layout);
    const there = views.filter(({ state }) => state !== 'Broken' && state !== 'Deleted');
    return there.flatMap(({ name }) =>
      Object.keys(PROPERTIES).map((property) => `local.${name}.${property}`),
    );
  },

  get(layout, key) {
    const found = parseKey(key);
    if (found === undefined) return undefined;
    if (!checkStoreFormat(layout)) throw instanceNotFound(found.name);
    const { state, spec } = readInstance(layout, found.name);
    if (state === 'Deleted') throw instanceDeleted(found.name);
    return found.show(spec);
  },

  set(layout, key) {
    // What cannot be asked for cannot be set either, and is told so.
    if (this.get(layout, key) === undefined) return Promise.resolve(false);
    throw new MultipassError('SETTING_INVALID', `"${key}" cannot be set in this version`, {
      details: { key },
    });
  },
};

function parseKey(key: string): { name: string; show: (spec: InstanceSpec) => string } | undefined {
  const [local, name = '', property = '', ...more] = key.split('.');
  if (local !== 'local' || more.length > 0 || !isValidName(name)) return undefined;
  const show = Object.hasOwn(PROPERTIES, property) ? PROPERTIES[property] : undefined;
  return show === undefined ? undefined : { name, show };
}
