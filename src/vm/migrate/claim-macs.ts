import { MacAddressGenerator } from '../../net/mac-address-generator.js';
import type { MacAddress } from '../../net/mac-address.js';
import type { StagedInstance } from '../../store/staging.js';
import type { NetworkInterface } from '../records/interface.js';
import type { LegacyCard } from './legacy-spec.js';

/**
 * Claims the MACs of one migrated instance: each keeps its own unless another has it already, in this instance or in
 * the store; then it gets a new one, and that is told.
 */
export class MacClaims {
  readonly #staged: StagedInstance;
  readonly #warnings: string[];
  readonly #given = new Map<string, MacAddress>();

  constructor(staged: StagedInstance, warnings: string[]) {
    this.#staged = staged;
    this.#warnings = warnings;
  }

  /** An interface of the instance itself, for the first time. */
  async claim(card: LegacyCard): Promise<NetworkInterface> {
    const { mac, network, auto } = card;
    return { mac: await this.#claimMac(mac), network, auto };
  }

  /** An interface of a snapshot: usually one that the instance still has. */
  async claimAgain(card: LegacyCard): Promise<NetworkInterface> {
    const known = card.mac === null ? undefined : this.#given.get(card.mac.toString());
    return known === undefined
      ? await this.claim(card)
      : { mac: known, network: card.network, auto: card.auto };
  }

  async #claimMac(wanted: MacAddress | null): Promise<MacAddress> {
    if (wanted !== null && (await this.#staged.claimMac(wanted.toHex()))) {
      this.#given.set(wanted.toString(), wanted);
      return wanted;
    }
    const made = await MacAddressGenerator.instance.generate((mac) =>
      this.#staged.claimMac(mac.toHex()),
    );
    if (wanted !== null) {
      this.#warnings.push(
        `its MAC ${wanted.toString()} is in use by another interface: it has ${made.toString()} now, and cloud-init will set the guest up again`,
      );
      if (!this.#given.has(wanted.toString())) this.#given.set(wanted.toString(), made);
    }
    return made;
  }
}
