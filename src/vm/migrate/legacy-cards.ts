import type { MacAddress } from '../../net/mac-address.js';
import type { MacClaims } from '../macs.js';
import type { NetworkInterface } from '../records/interface.js';
import type { LegacyCard } from './legacy-spec.js';

/** An interface as it was, and the MAC that it has now. */
interface GivenMac {
  readonly card: LegacyCard;
  readonly mac: MacAddress;
}

/**
 * Gives the interfaces of one migrated instance their MACs: each keeps its own unless another interface has it
 * already, in this instance or in the store; then it gets a new one, and that is told.
 */
export class LegacyCards {
  readonly #macs: MacClaims;
  readonly #warnings: string[];
  readonly #given: GivenMac[] = [];

  constructor(macs: MacClaims, warnings: string[]) {
    this.#macs = macs;
    this.#warnings = warnings;
  }

  /**
   * An interface of the instance, or of a snapshot of it: that is usually one that the instance has, or that another
   * snapshot had, and then has the same MAC.
   * @param others the interfaces that the same machine has besides
   */
  async claim(card: LegacyCard, others: readonly NetworkInterface[]): Promise<NetworkInterface> {
    const mac = this.#known(card, others) ?? (await this.#claim(card));
    return { mac, network: card.network, auto: card.auto };
  }

  /** What an interface with this MAC was given before. */
  #known({ mac: old }: LegacyCard, others: readonly NetworkInterface[]): MacAddress | undefined {
    return this.#given.find(
      ({ card, mac }) =>
        old !== null &&
        card.mac?.equals(old) === true &&
        !others.some((one) => one.mac.equals(mac)),
    )?.mac;
  }

  async #claim(card: LegacyCard): Promise<MacAddress> {
    const wanted = card.mac;
    if (wanted !== null && (await this.#macs.claim(wanted))) {
      this.#given.push({ card, mac: wanted });
      return wanted;
    }
    const mac = await this.#macs.generate();
    this.#given.push({ card, mac });
    if (wanted !== null) {
      this.#warnings.push(
        `its MAC ${wanted.toString()} is in use by another interface: it has ${mac.toString()} now`,
      );
    }
    return mac;
  }
}
