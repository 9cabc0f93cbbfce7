import type { Card } from '../../qemu/machine.js';

/**
 * What the cards of a machine are plugged into: `user`, a network that QEMU makes for it alone; `shared`, the one that
 * the instances of the store share without root; `host`, a bridge of the host.
 */
export type NetworkKind = 'user' | 'shared' | 'host';

/** What a machine that has run is plugged into: all of its cards are of one kind. */
export function kindOfCards(cards: readonly Card[]): NetworkKind {
  for (const { backend } of cards) if (backend.kind === 'tap') return backend.within;
  return 'user';
}
