const SUBNET = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})(?:\/(\d{1,2}))?$/;

/** An IPv4 subnet, written `10.1.2.0/24`. Immutable. */
export class Subnet {
  private readonly base: number;
  readonly prefix: number;

  private constructor(base: number, prefix: number) {
    this.prefix = prefix;
    this.base = base - (base % this.size);
  }

  /**
   * Reads `10.1.2.0/24`; bits below the prefix are dropped, so that an interface's `10.1.2.7/24` is the subnet it is
   * in, and a bare address is a subnet of itself alone. Null when the text is none of these.
   */
  static tryParse(text: string): Subnet | null {
    const [, ...parts] = SUBNET.exec(text) ?? [];
    const octets = parts.slice(0, 4).map(Number);
    const prefix = Number(parts[4] ?? 32);
    if (octets.length < 4 || octets.some((octet) => octet > 255) || prefix > 32) return null;
    return new Subnet(
      octets.reduce((value, octet) => value * 256 + octet),
      prefix,
    );
  }

  /** The subnet of 2^(32-`prefix`) addresses that holds the address numbered `base`. */
  static of(base: number, prefix: number): Subnet {
    return new Subnet(base, prefix);
  }

  /** How many addresses there are in it. */
  get size(): number {
    return 2 ** (32 - this.prefix);
  }

  /** The n-th address in it, counted from 0: `subnet.address(1)` is `10.1.2.1`. */
  address(index: number): string {
    const value = this.base + index;
    return [24, 16, 8, 0].map((shift) => (value >>> shift) & 255).join('.');
  }

  /** True when some address is in both. */
  overlaps(other: Subnet): boolean {
    return this.base < other.base + other.size && other.base < this.base + this.size;
  }

  toString(): string {
    return `${this.address(0)}/${this.prefix}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** The address ranges for private use, in the order in which they are taken from. */
const POOLS = ['10.0.0.0', '172.16.0.0', '192.168.0.0'] as const;
const BLOCKS_OF: Readonly<Record<(typeof POOLS)[number], number>> = {
  '10.0.0.0': 2 ** 16,
  '172.16.0.0': 2 ** 12,
  '192.168.0.0': 2 ** 8,
};

/**
 * The first private /24 that overlaps none of `taken`: 10.0.0.0/8 from the block numbered `start` on and around it,
 * and where that is all taken (some VPNs claim it whole) 172.16.0.0/12 and 192.168.0.0/16. Undefined when there is
 * none.
 */
export function freeSubnet(start: number, taken: readonly Subnet[]): Subnet | undefined {
  for (const pool of POOLS) {
    const first = addressNumber(pool);
    const blocks = BLOCKS_OF[pool];
    for (let tried = 0; tried < blocks; tried += 1) {
      const subnet = Subnet.of(first + ((start + tried) % blocks) * 256, 24);
      if (!taken.some((other) => other.overlaps(subnet))) return subnet;
    }
  }
  return undefined;
}

function addressNumber(address: string): number {
  return address.split('.').reduce((value, octet) => value * 256 + Number(octet), 0);
}
