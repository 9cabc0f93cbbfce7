import { parseMemorySize } from '../../memory-size.js';
import type { LooseValue } from './loose-value.js';

/** An extra network interface of legacy data. */
export interface LegacyInterface {
  /** Name of the host's network or bridge; '' when it is not known. */
  readonly id: string;
  /** As written, unchecked; null when there is none. */
  readonly mac: string | null;
  /** True when cloud-init configures it in the guest. */
  readonly auto: boolean;
}

/** More than a machine has slots for. */
const MOST_INTERFACES = 64;

/** A number of CPUs; null when it is unknown or 0. */
export function decodeCpus(place: LooseValue): number | null {
  const cpus = place.integer(0, null);
  return cpus === 0 ? null : cpus;
}

/**
 * A size, written as a number of bytes or in the grammar of `parseMemorySize`.
 * @returns bytes; `fallback` when it is absent or '', as Multipass does; null when it is 0 or no size
 */
export function decodeSize(place: LooseValue, fallback: number | null): number | null {
  if (place.isAbsent() || place.value === '') return fallback;
  const { value } = place;
  const isText = typeof value === 'string' || typeof value === 'number';
  const bytes = isText ? parseMemorySize(String(value)) : null;
  if (bytes === null) return place.warn('a size', null);
  return bytes === 0 ? null : bytes;
}

/** The extra interfaces of a spec or a snapshot, in order. */
export function decodeInterfaces(place: LooseValue): LegacyInterface[] {
  return place.objects(MOST_INTERFACES).map((item) => {
    const id = item.key('id').string('');
    const mac = item.key('mac_address').string('');
    if (id === '') item.key('id').warn('the name of a network', null);
    return { id, mac: mac === '' ? null : mac, auto: item.key('auto_mode').boolean(false) };
  });
}

/** The QEMU arguments that a spec or a snapshot carries in its metadata. */
export function decodeArguments(place: LooseValue): string[] {
  return place
    .items()
    .map((item) => item.string(null))
    .filter((argument) => argument !== null);
}
