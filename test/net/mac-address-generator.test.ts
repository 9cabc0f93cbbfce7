import { describe, expect, it } from 'vitest';
import { MacAddressGenerator } from '../../src/net/mac-address-generator.js';
import type { MacAddress } from '../../src/net/mac-address.js';

const generator = MacAddressGenerator.instance;
const accept = async (): Promise<boolean> => Promise.resolve(true);

describe('MacAddressGenerator', () => {
  it('is one object in a process', () => {
    expect(MacAddressGenerator.instance).toBe(generator);
  });

  it('makes addresses of 52:54:00 and three random octets', async () => {
    expect((await generator.generate(accept)).toString()).toMatch(/^52:54:00(:[0-9a-f]{2}){3}$/);
    const mac = await generator.generate(accept, () => Buffer.from([0x0a, 0, 0xff]));
    expect(mac.toString()).toBe('52:54:00:0a:00:ff');
  });

  it('asks until an address is accepted', async () => {
    const asked: string[] = [];
    const mac = await generator.generate(async (proposal) => {
      asked.push(proposal.toString());
      return Promise.resolve(asked.length === 3);
    });
    expect(asked).toHaveLength(3);
    expect(mac.toString()).toBe(asked[2]);
  });

  it('gives up after 100 refusals', async () => {
    let asked = 0;
    const refused = generator.generate(async () => Promise.resolve((asked += 1) === 0));
    await expect(refused).rejects.toMatchObject({
      code: 'MAC_EXHAUSTED',
      message: 'no free MAC address found in 100 tries',
      hint: expect.stringContaining('macs') as string,
    });
    expect(asked).toBe(100);
  });

  it('never gives one address to two calls that run side by side', async () => {
    let next = 0;
    // Every octet triple twice in a row, so that calls meet the same proposals.
    const random = (): Buffer => Buffer.from([1, 1, (next += 1) >> 1]);
    const slow = async (): Promise<boolean> => new Promise((done) => setImmediate(done, true));
    const macs = await Promise.all(
      Array.from({ length: 50 }, async () => generator.generate(slow, random)),
    );
    expect(new Set(macs.map(String)).size).toBe(50);
  });

  it('lets an address be proposed again that was refused, or whose reservation failed', async () => {
    const random = (): Buffer => Buffer.from([2, 2, 2]);
    const broken = async (): Promise<boolean> => Promise.reject(new Error('disk'));
    await expect(generator.generate(broken, random)).rejects.toThrow('disk');
    let asked: MacAddress | undefined;
    const secondTime = async (mac: MacAddress): Promise<boolean> => {
      const again = asked !== undefined;
      asked = mac;
      return Promise.resolve(again);
    };
    expect((await generator.generate(secondTime, random)).toString()).toBe('52:54:00:02:02:02');
  });
});
