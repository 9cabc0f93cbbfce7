import { describe, expect, it } from 'vitest';
import { freeSubnet, Subnet } from '../../src/net/subnet.js';

function subnet(text: string): Subnet {
  return Subnet.tryParse(text)!;
}

describe('Subnet', () => {
  it('reads a subnet, an address in one, and a bare address', () => {
    expect(subnet('10.1.2.0/24').toString()).toBe('10.1.2.0/24');
    expect(subnet('10.1.2.77/24').toString()).toBe('10.1.2.0/24');
    expect(subnet('192.168.255.255/12').toString()).toBe('192.160.0.0/12');
    expect(subnet('10.1.2.3').toString()).toBe('10.1.2.3/32');
    expect(subnet('0.0.0.0/0').size).toBe(2 ** 32);
    expect(JSON.stringify({ subnet: subnet('255.255.255.0/24') })).toBe(
      '{"subnet":"255.255.255.0/24"}',
    );
  });

  it('reads nothing else', () => {
    for (const text of ['', '10.1.2/24', '10.1.2.256/24', '10.1.2.0/33', 'fd00::/8', ' 10.1.2.0']) {
      expect(Subnet.tryParse(text)).toBeNull();
    }
  });

  it('counts its addresses', () => {
    expect(subnet('10.1.2.0/24').address(1)).toBe('10.1.2.1');
    expect(subnet('10.1.0.0/16').address(256)).toBe('10.1.1.0');
    expect(subnet('255.255.255.0/24').address(255)).toBe('255.255.255.255');
  });

  it('tells whether two have an address in common', () => {
    const inside = subnet('10.1.2.0/24');
    for (const other of ['10.1.2.0/24', '10.0.0.0/8', '10.1.2.255', '0.0.0.0/0', '10.1.2.128/25']) {
      expect([other, inside.overlaps(subnet(other))]).toEqual([other, true]);
      expect([other, subnet(other).overlaps(inside)]).toEqual([other, true]);
    }
    for (const other of ['10.1.3.0/24', '10.1.1.0/24', '10.1.1.255', '11.0.0.0/8']) {
      expect([other, inside.overlaps(subnet(other))]).toEqual([other, false]);
      expect([other, subnet(other).overlaps(inside)]).toEqual([other, false]);
    }
  });
});

describe('freeSubnet', () => {
  it('takes the block that it is given, and the next one when that is taken', () => {
    expect(freeSubnet(0x0102, [])?.toString()).toBe('10.1.2.0/24');
    const taken = ['10.1.2.9/32', '10.1.3.0/24'].map(subnet);
    expect(freeSubnet(0x0102, taken)?.toString()).toBe('10.1.4.0/24');
  });

  it('goes on at the beginning of the range after its end', () => {
    expect(freeSubnet(0xffff, [subnet('10.255.255.0/24')])?.toString()).toBe('10.0.0.0/24');
  });

  it('goes to the other private ranges when one is taken whole', () => {
    const taken = ['10.0.0.0/8', '172.16.0.0/13'].map(subnet);
    expect(freeSubnet(0, taken)?.toString()).toBe('172.24.0.0/24');
    taken.push(subnet('172.16.0.0/12'));
    expect(freeSubnet(7, taken)?.toString()).toBe('192.168.7.0/24');
    taken.push(subnet('192.168.0.0/16'));
    expect(freeSubnet(7, taken)).toBeUndefined();
  });
});
