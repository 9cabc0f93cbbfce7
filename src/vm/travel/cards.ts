import { MacAddress } from '../../net/mac-address.js';
import type { NetworkInterface } from '../records/interface.js';
import type { TravelCard } from './travel-config.js';

/**
 * The MAC addresses of an instance that travels, each by a number: its cards, and those of its snapshots, name them by
 * it, so that the addresses themselves can stay at home.
 */
export class Cards {
  readonly #macs: MacAddress[] = [];

  /** By their numbers. */
  get macs(): readonly MacAddress[] {
    return this.#macs;
  }

  /** What of a card travels. */
  pack({ mac, network, auto }: NetworkInterface): TravelCard {
    let card = this.#macs.findIndex((known) => known.equals(mac));
    if (card === -1) card = this.#macs.push(mac) - 1;
    return { card, network, auto };
  }
}

/** What stands in the place of an address in the documents of a seed that travels without it. */
export function placeholderMac(card: number): MacAddress {
  const hex = card.toString(16).padStart(4, '0');
  return MacAddress.parse(`02:00:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`);
}
