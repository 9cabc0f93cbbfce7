import { MacAddress } from '../../net/mac-address.js';
import { MultipassError } from '../../errors.js';
import type { JsonPlace, WithUnknownKeys } from '../../files/decoder.js';

/**
 * A network interface of an instance. The first of a spec is the default one, which has no host network of its
 * own (`network: null`); the others are bridged to the host network they name.
 */
export interface NetworkInterface extends WithUnknownKeys {
  /** Its own: no other interface of the store has it. */
  readonly mac: MacAddress;
  /** Name of the host's network or bridge; null for the default interface. */
  readonly network: string | null;
  /** True when cloud-init configures it in the guest, false for Multipass's `mode=manual`. */
  readonly auto: boolean;
}

const INTERFACE_KEYS = ['mac', 'network', 'auto'];

/** More than a machine has slots for: each card has one, and the board 32. */
export const MOST_INTERFACES = 64;

/** The interfaces of a spec or a snapshot. @throws RecordError with the place of what is wrong */
export function decodeInterfaces(place: JsonPlace): NetworkInterface[] {
  return place.items(MOST_INTERFACES).map(decodeInterface);
}

/** One of them. @throws RecordError with the place of what is wrong @internal for its tests */
export function decodeInterface(place: JsonPlace): NetworkInterface {
  const network = place.key('network');
  return {
    mac: decodeMac(place.key('mac')),
    network: network.isAbsent() ? null : network.string(),
    auto: place.key('auto').boolean(),
    ...place.unknownKeys(INTERFACE_KEYS),
  };
}

/**
 * What an interface is called in messages and in network-config's 1.15 shape: `default`, then `extra0`, `extra1`, …
 * by its place in the spec, manual ones counted.
 */
export function interfaceLabel(index: number): string {
  return index === 0 ? 'default' : `extra${index - 1}`;
}

function decodeMac(place: JsonPlace): MacAddress {
  const text = place.string();
  try {
    return MacAddress.parse(text);
  } catch (error) {
    if (error instanceof MultipassError) return place.fail(error.message);
    throw error;
  }
}
