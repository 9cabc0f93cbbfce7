import { listInstances } from '../list-instances.js';
import { isValidName } from '../names.js';
import { changeSnapshot, snapshotRecordOf } from '../snapshots/change-snapshot.js';
import { snapshotNames } from '../snapshots/snapshot-names.js';
import type { SettingHandler } from './setting-handler.js';

const PROPERTIES = ['comment', 'name'] as const;

/** `local.<instance>.<snapshot>.<property>`. */
export const snapshotSettingHandler: SettingHandler = {
  async keys(layout) {
    const views = await listInstances(layout);
    const there = views.filter(({ state }) => state !== 'Broken' && state !== 'Deleted');
    return there.flatMap(({ name }) =>
      snapshotNames(layout, name).flatMap((snapshot) =>
        PROPERTIES.map((property) => `local.${name}.${snapshot}.${property}`),
      ),
    );
  },

  get(layout, key) {
    const found = parseKey(key);
    if (found === undefined) return undefined;
    const { name, snapshot, property } = found;
    return snapshotRecordOf(layout, name, snapshot)[property];
  },

  async set(layout, key, value, { work }) {
    const found = parseKey(key);
    if (found === undefined) return false;
    const { name, snapshot, property } = found;
    await changeSnapshot({ layout, name, snapshot, texts: { [property]: value }, work });
    return true;
  },
};

interface SnapshotKey {
  readonly name: string;
  readonly snapshot: string;
  readonly property: (typeof PROPERTIES)[number];
}

function parseKey(key: string): SnapshotKey | undefined {
  const [local, name = '', snapshot = '', last, ...more] = key.split('.');
  const property = PROPERTIES.find((one) => one === last);
  if (local !== 'local' || property === undefined || more.length > 0) return undefined;
  return isValidName(name) && isValidName(snapshot) ? { name, snapshot, property } : undefined;
}
