import type { StoreLayout } from '../../store/layout.js';
import { hasCode, MultipassError } from '../../errors.js';
import { instanceNotFound } from '../errors.js';
import { readInstances } from '../list-instances.js';
import { readInstance } from '../read-instance.js';
import type { Alias } from './alias-record.js';

/** Says what the instance of an alias is called now; undefined when there is none any more. */
export type NameOfInstance = (alias: Alias) => string | undefined;

/**
 * What the instance of an alias is called now: it may have been renamed.
 * @throws MultipassError INSTANCE_NOT_FOUND when there is no such instance any more; STORE_TOO_NEW
 */
export async function instanceOf(layout: StoreLayout, alias: Alias): Promise<string> {
  if (isStillCalled(layout, alias)) return alias.instance;
  const name = (await namesOfInstances(layout))(alias);
  if (name === undefined) throw instanceNotFound(alias.instance);
  return name;
}

/**
 * Reads all instances once, and answers for any alias. An instance that is Broken cannot say who it is: there its name
 * is believed.
 * @throws MultipassError STORE_TOO_NEW, PERMISSION_DENIED
 */
export async function namesOfInstances(layout: StoreLayout): Promise<NameOfInstance> {
  const byUuid = new Map<string, string[]>();
  const broken = new Set<string>();
  for (const { view, reading } of await readInstances(layout)) {
    if (reading === undefined) broken.add(view.name);
    else byUuid.set(reading.spec.uuid, [...(byUuid.get(reading.spec.uuid) ?? []), view.name]);
  }
  return ({ uuid, instance }) => {
    const names = byUuid.get(uuid) ?? (broken.has(instance) ? [instance] : []);
    return names.includes(instance) ? instance : names[0];
  };
}

/** Whether its instance has the name that is on record: the usual case, for which one record is read. */
export function isStillCalled(layout: StoreLayout, { instance, uuid }: Alias): boolean {
  try {
    return readInstance(layout, instance).spec.uuid === uuid;
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    return !hasCode(error, 'INSTANCE_NOT_FOUND');
  }
}
