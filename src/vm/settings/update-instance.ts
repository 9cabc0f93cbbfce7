import { LEAST_MEMORY, TOO_LITTLE_MEMORY } from '../least-sizes.js';
import { MultipassError } from '../../errors.js';
import { notASize, parseMemorySize } from '../../memory-size.js';
import type { StoreLayout } from '../../store/layout.js';
import { isBeingPrepared } from '../../store/staging.js';
import { Work } from '../../work.js';
import { hintToStop } from '../errors.js';
import type { InstanceRequest } from '../instance-request.js';
import { ANY_STATE, openInstance, type OpenedInstance } from '../open.js';
import { addBridgedInterface } from './add-bridged-interface.js';
import { expandDisk } from './expand-disk.js';
import { isBridged, type InstanceProperty } from './instance-properties.js';
import { invalidSetting } from './setting-errors.js';
import { readSettings } from './settings.js';

/** Which property of which instance gets which value. */
export interface UpdateInstanceRequest extends InstanceRequest {
  readonly property: InstanceProperty;
  /** The whole key, for messages. */
  readonly key: string;
  readonly value: string;
}

const ON = /^(?:true|on|yes|1)$/i;
const OFF = /^(?:false|off|no|0)$/i;

/**
 * Changes a property of an instance, which must be stopped but for `autostart`; killed at any point it has been changed
 * or it has not, once the next command has opened the instance. A value that it has already changes nothing.
 * @throws MultipassError SETTING_INVALID, INSTANCE_NOT_FOUND, NAME_IN_PREPARATION, INSTANCE_DELETED,
 *   INSTANCE_NOT_STOPPED with Multipass's texts; NETWORK_NOT_FOUND, NETWORK_UNAVAILABLE, DISK_FULL, ABORTED, …
 */
export async function updateInstance(request: UpdateInstanceRequest): Promise<void> {
  const { layout, name, property } = request;
  const work = Work.of(request.work);
  const opening = openInstance(layout, name, {
    for: 'set',
    // What a running machine is made of cannot be changed; when it starts is no part of that.
    ...(property === 'autostart'
      ? { states: ANY_STATE, hold: 'mounts' }
      : { states: ['Stopped'], refuse: mustBeStopped }),
    disk: property === 'disk' ? 'own' : 'any',
    work,
  });
  await using opened = await opening.catch(async (error: unknown) => {
    throw await meaningOf(error, layout, name);
  });
  await UPDATES[property](opened, request, work);
}

type Update = (opened: OpenedInstance, request: UpdateInstanceRequest, work: Work) => Promise<void>;

const UPDATES: Readonly<Record<InstanceProperty, Update>> = {
  async cpus(opened, { key, value }) {
    const cpus = /^[0-9]{1,6}$/.test(value) ? Number(value) : 0;
    if (cpus < 1) {
      const rule = 'Need a positive integer (in decimal format) of minimum 1';
      throw invalidSetting(key, value, rule);
    }
    if (cpus !== opened.reading.spec.cpus) await opened.writeSpec({ cpus });
  },

  async memory(opened, request) {
    const memory = parseSize(request);
    if (memory < LEAST_MEMORY) {
      const { key, value } = request;
      throw invalidSetting(key, value, TOO_LITTLE_MEMORY);
    }
    if (memory !== opened.reading.spec.memory) await opened.writeSpec({ memory });
  },

  async disk(opened, request, work) {
    const { key, value } = request;
    const refuse = (problem: string): MultipassError => invalidSetting(key, value, problem);
    await expandDisk({ opened, size: parseSize(request), refuse, work });
  },

  async autostart(opened, request) {
    const autostart = parseFlag(request);
    if (autostart !== opened.reading.spec.autostart) await opened.writeSpec({ autostart });
  },

  async bridged(opened, request, work) {
    const { layout, key, value } = request;
    const wanted = parseFlag(request);
    const settings = readSettings(layout, {});
    if (wanted === isBridged(opened.reading.spec, settings.bridgedNetwork)) return;
    if (!wanted) {
      throw invalidSetting(key, value, 'Removing the bridged network is currently not supported');
    }
    await addBridgedInterface({ opened, settings, work });
  },
};

function parseFlag({ key, value }: UpdateInstanceRequest): boolean {
  if (ON.test(value)) return true;
  if (OFF.test(value)) return false;
  throw invalidSetting(key, value, 'Invalid flag, need "true" or "false"');
}

function parseSize({ key, value }: UpdateInstanceRequest): number {
  const size = parseMemorySize(value);
  if (size !== null) return size;
  throw invalidSetting(key, value, notASize(value));
}

/** Multipass's reasons. */
async function meaningOf(error: unknown, layout: StoreLayout, name: string): Promise<unknown> {
  if (!(error instanceof MultipassError)) return error;
  switch (error.code) {
    case 'INSTANCE_NOT_FOUND':
      return (await isBeingPrepared(layout, name))
        ? beingPrepared(name)
        : error.restated({ message: reasonText(name, 'No such instance') });
    case 'INSTANCE_DELETED':
      return error.restated({ message: reasonText(name, 'Instance is deleted') });
    default:
      return error;
  }
}

function beingPrepared(name: string): MultipassError {
  const reason = 'instance is being prepared';
  return new MultipassError('NAME_IN_PREPARATION', reasonText(name, reason), {
    hint: 'Wait until the command that makes it has ended, then try again.',
    details: { name },
  });
}

function mustBeStopped(name: string, state: string): MultipassError {
  const reason = 'Instance must be stopped for modification';
  return new MultipassError('INSTANCE_NOT_STOPPED', reasonText(name, reason), {
    hint: hintToStop(name, state),
    details: { name, state },
  });
}

function reasonText(name: string, reason: string): string {
  return `Cannot update instance settings; instance: ${name}; reason: ${reason}`;
}
