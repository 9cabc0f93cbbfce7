import { randomBytes } from 'node:crypto';
import { MultipassError } from '../errors.js';
import { MacAddress } from './mac-address.js';

/** Claims an address exclusively: true when it is ours now, false when somebody has it. */
export type ReserveMac = (mac: MacAddress) => Promise<boolean>;

/** QEMU's locally administered prefix, as Multipass uses it. */
const PREFIX = '52:54:00';

/**
 * Three octets are 16.7 million addresses. With n of them in use, all tries meet a used one with a chance of
 * (n / 2^24)^100: 2^-100 when half of them are, which is millions of instances. So whoever gets here has a `reserve`
 * that refuses for another reason, and more tries would not help.
 */
const TRIES = 100;

/**
 * The one place where a process makes MAC addresses: `MacAddressGenerator.instance`. It does no I/O; whether an
 * address is free among all processes is for the `reserve` of the caller to say.
 */
export class MacAddressGenerator {
  private static readonly only = new MacAddressGenerator();
  /** What this process was given, or is asking for: never proposed twice, whatever `reserve` thinks. */
  private readonly proposed = new Set<string>();

  private constructor() {
    // Private, so that there is one.
  }

  /** The one of this process. */
  static get instance(): MacAddressGenerator {
    return MacAddressGenerator.only;
  }

  /**
   * Makes a random address that `reserve` accepts. Calls may run side by side.
   * @param random three random octets, for tests
   * @throws MultipassError MAC_EXHAUSTED after 100 proposals in vain; whatever `reserve` throws
   */
  async generate(
    reserve: ReserveMac,
    random: () => Buffer = () => randomBytes(3),
  ): Promise<MacAddress> {
    for (let tried = 0; tried < TRIES; tried += 1) {
      const mac = MacAddress.parse([PREFIX, ...octetsOf(random())].join(':'));
      if (await this.propose(mac, reserve)) return mac;
    }
    throw new MultipassError('MAC_EXHAUSTED', `no free MAC address found in ${TRIES} tries`, {
      hint: 'Look at the `macs` folder of the store: nearly every address is in use, or it cannot be written.',
      details: { tries: TRIES },
    });
  }

  private async propose(mac: MacAddress, reserve: ReserveMac): Promise<boolean> {
    const key = mac.toHex();
    if (this.proposed.has(key)) return false;
    this.proposed.add(key);
    let reserved = false;
    try {
      reserved = await reserve(mac);
    } finally {
      if (!reserved) this.proposed.delete(key);
    }
    return reserved;
  }
}

function octetsOf(bytes: Buffer): string[] {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0'));
}
