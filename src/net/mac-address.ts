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
    const mac = MacAddress.tryParse(text);
    if (mac !== null) return mac;
    throw new MultipassError('MAC_INVALID', `Invalid MAC address: ${text}`, {
      hint: 'Write six pairs of hexadecimal digits, such as 52:54:00:12:34:56.',
      details: { mac: text },
    });
  }

  /** As {@link MacAddress.parse}, for text that need not be an address at all: null when it is none. */
  static tryParse(text: string): MacAddress | null {
    const lower = text.toLowerCase();
    return MAC.test(lower) ? new MacAddress(lower) : null;
  }

  /** Whether both are the same address. */
  equals(other: MacAddress): boolean {
    return this.text === other.text;
  }

  /** The twelve hex digits without separators, such as a file can be named by. */
  toHex(): string {
    return this.text.replaceAll(':', '');
  }

  /** As it is written: `52:54:00:ab:cd:ef`. */
  toString(): string {
    return this.text;
  }

  /** What `JSON.stringify` writes of it. */
  toJSON(): string {
    return this.text;
  }

  /** What `console.log` shows of it. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `${this.constructor.name}(${this.text})`;
  }
}
