import { parseMemorySize } from '../../memory-size.js';
import type { LooseValue } from './loose-value.js';

/** What a spec and a snapshot say of the machine. */
export interface LegacyResources {
  /** Null when unknown: absent, 0, or no number. */
  readonly cpus: number | null;
  /** Bytes; null when unknown: 0, or no size. */
  readonly memory: number | null;
  /** Bytes of the virtual disk; null when unknown: 0, or no size. */
  readonly disk: number | null;
}

/** The machine of a spec or a snapshot; `absent` is what a size that is not there stands for, in bytes. */
export function decodeResources(
  place: LooseValue,
  absent: Pick<LegacyResources, 'memory' | 'disk'>,
): LegacyResources {
  return {
    cpus: decodeCpus(place.key('num_cores')),
    memory: decodeSize(place.key('mem_size'), absent.memory),
    disk: decodeSize(place.key('disk_space'), absent.disk),
  };
}

/** A number of CPUs; null when it is unknown or 0. */
function decodeCpus(place: LooseValue): number | null {
  const cpus = place.integer(0, null);
  return cpus === 0 ? null : cpus;
}

/**
 * A size, written as a number of bytes or in the grammar of `parseMemorySize`.
 * @returns bytes; `fallback` when it is absent or '', as Multipass does; null when it is 0 or no size
 */
function decodeSize(place: LooseValue, fallback: number | null): number | null {
  if (place.isAbsent() || place.value === '') return fallback;
  const { value } = place;
  const isText = typeof value === 'string' || typeof value === 'number';
  const bytes = isText ? parseMemorySize(String(value)) : null;
  if (bytes === null) return place.warn('a size', null);
  return bytes === 0 ? null : bytes;
}

/** The QEMU arguments that a spec or a snapshot carries in its metadata. */
export function decodeArguments(record: LooseValue): string[] {
  return record
    .section('metadata')
    .key('arguments')
    .items()
    .map((item) => item.string(null))
    .filter((argument) => argument !== null);
}
