import { MacAddressGenerator } from '../../net/mac-address-generator.js';
import type { MacAddress } from '../../net/mac-address.js';
import type { StagedInstance } from '../../store/staging.js';
import type { NetworkInterface } from '../records/interface.js';
import type { LegacyCard } from './legacy-spec.js';

/** An interface as it was, and the MAC that it has now. */
interface Claim {
  readonly card: LegacyCard;
  readonly mac: MacAddress;
}

/**
 * Claims the MACs of one migrated instance: each keeps its own unless another interface has it already, in this
 * instance or in the store; then it gets a new one, and that is told.
 */
export class MacClaims {
  readonly #staged: StagedInstance;
  readonly #warnings: string[];
  readonly #claims: Claim[] = [];

  constructor(staged: StagedInstance, warnings: string[]) {
    this.#staged = staged;
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
    return this.#claims.find(
      ({ card, mac }) =>
        old !== null &&
        card.mac?.equals(old) === true &&
        !others.some((one) => one.mac.equals(mac)),
    )?.mac;
  }

  async #claim(card: LegacyCard): Promise<MacAddress> {
    const wanted = card.mac;
    if (wanted !== null && (await this.#staged.claimMac(wanted.toHex()))) {
      this.#claims.push({ card, mac: wanted });
      return wanted;
    }
    const mac = await MacAddressGenerator.instance.generate((made) =>
      this.#staged.claimMac(made.toHex()),
    );
    this.#claims.push({ card, mac });
    if (wanted !== null) {
      this.#warnings.push(
        `its MAC ${wanted.toString()} is in use by another interface: it has ${mac.toString()} now`,
      );
    }
    return mac;
  }
}
