import { MultipassError } from '../errors.js';

const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/;

/** An Ethernet address: six octets, written in lower case with colons. Immutable. */
export class MacAddress {
  private readonly text: string;

  private constructor(text: string) {
    this.text = text;
  }

  /**
   * Reads `52:54:00:ab:cd:ef`, in upper or lower case.
   * @throws MultipassError MAC_INVALID, with Multipass's text
   */
  static parse(text: string): MacAddress {
    const lower = text.toLowerCase();
    if (!MAC.test(lower)) throw new MultipassError('MAC_INVALID', `Invalid MAC address: ${text}`);
    return new MacAddress(lower);
  }

  equals(other: MacAddress): boolean {
    return this.text === other.text;
  }

  /** The twelve hex digits without separators, such as a file can be named by. */
  toHex(): string {
    return this.text.replaceAll(':', '');
  }

  toString(): string {
    return this.text;
  }

  toJSON(): string {
    return this.text;
  }
}
