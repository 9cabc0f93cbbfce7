import { describe, expect } from 'vitest';
import { knownGuests } from '../../../src/net/bridge/known-guests.js';
import { withNetNamespace, type NetNamespace } from '../../support/net-namespace.js';
import { askForLease, plugGuest, test as bridgeTest, type MadeBridge } from './bridge-fixture.js';

const [LIAR, VICTIM] = ['52:54:00:aa:00:0a', '52:54:00:aa:00:0b'] as const;

interface Scene {
  readonly made: MadeBridge;
  /** The address that each has by right. */
  readonly own: string;
  readonly others: string;
}

/** Two instances on one bridge, of which one does what it likes. */
const test = bridgeTest.extend<{ liar: NetNamespace; victim: NetNamespace; scene: Scene }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  liar: async ({}, use) => {
    await withNetNamespace(use);
  },
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  victim: async ({}, use) => {
    await withNetNamespace(use);
  },
  scene: async ({ ns, folder, work, liar, victim }, use) => {
    const made = await work<MadeBridge>('ensureBridge', { folder });
    const guests = [
      { mac: LIAR, tap: 'liar' },
      { mac: VICTIM, tap: 'victim' },
    ];
    await work('admitToBridge', { folder, guests });
    await plugGuest(ns, liar, { bridge: made.bridge, port: 'liar', mac: LIAR });
    await plugGuest(ns, victim, { bridge: made.bridge, port: 'victim', mac: VICTIM });
    const addressOf = (index: number): string => knownGuests(folder)[index]!.address;
    await use({ made, own: addressOf(0), others: addressOf(1) });
  },
});

async function setAddress(guest: NetNamespace, address: string): Promise<void> {
  await guest.run('ip', ['address', 'flush', 'dev', 'eth0']);
  await guest.run('ip', ['address', 'add', `${address}/24`, 'dev', 'eth0']);
}

async function reaches(guest: NetNamespace, address: string): Promise<boolean> {
  const args = ['ping', '-c', '2', '-W', '1', address];
  return (await guest.run('busybox', args, { okExitCodes: [0, 1] })).exitCode === 0;
}

describe('a guest on the bridge', () => {
  test('is given the address that is its own, and talks with it', async ({
    liar,
    victim,
    scene,
  }) => {
    expect(await askForLease(liar)).toBe(scene.own);
    expect(await askForLease(victim)).toBe(scene.others);
    await setAddress(liar, scene.own);
    await setAddress(victim, scene.others);
    expect(await reaches(liar, scene.made.gateway)).toBe(true);
    expect(await reaches(liar, scene.others)).toBe(true);
  });

  test('gets no address by MAC addresses that it makes up, and takes none from others', async ({
    liar,
    victim,
    scene,
  }) => {
    for (const mac of ['52:54:00:bb:00:01', '52:54:00:bb:00:02', '02:00:00:00:00:03']) {
      await liar.run('ip', ['link', 'set', 'dev', 'eth0', 'address', mac]);
      expect(await askForLease(liar)).toBeUndefined();
    }
    expect(await askForLease(victim)).toBe(scene.others);
  });

  test('is not heard with the address of another, nor with any other', async ({
    liar,
    victim,
    scene: { made, own, others },
  }) => {
    await setAddress(victim, others);
    for (const address of [others, made.subnet.replace('.0/24', '.77'), made.gateway]) {
      await setAddress(liar, address);
      const whom = address === made.gateway ? others : made.gateway;
      expect(await reaches(liar, whom), address).toBe(false);
    }
    await setAddress(liar, own);
    expect(await reaches(liar, made.gateway)).toBe(true);
  });

  test('is not heard with the MAC address of another', async ({ liar, scene: { made, own } }) => {
    await setAddress(liar, own);
    await liar.run('ip', ['link', 'set', 'dev', 'eth0', 'address', VICTIM]);
    expect(await reaches(liar, made.gateway)).toBe(false);
  });
});

describe('addresses', () => {
  test('are kept while their instances are there, and given again afterwards', async ({
    folder,
    work,
  }) => {
    await work('ensureBridge', { folder });
    const admit = (mac: string, tap: string): Promise<unknown> =>
      work('admitToBridge', { folder, guests: [{ mac, tap }] });
    await admit(LIAR, 'a');
    await admit(VICTIM, 'b');
    const numbers = (): string[] =>
      knownGuests(folder).map(({ tap, address }) => `${tap} ${address.split('.').at(-1) ?? ''}`);
    expect(numbers()).toEqual(['a 2', 'b 3']);
    await admit(LIAR, 'c');
    expect(numbers()).toEqual(['c 2', 'b 3']);
    await work('forgetLease', { folder, mac: LIAR });
    expect(numbers()).toEqual(['b 3']);
    await admit('52:54:00:aa:00:0c', 'd');
    expect(numbers()).toEqual(['d 2', 'b 3']);
  });

  test('are refused when all are given away', async ({ folder, work }) => {
    await work('ensureBridge', { folder });
    const guests = Array.from({ length: 253 }, (_, index) => ({
      mac: `52:54:00:cc:00:${index.toString(16).padStart(2, '0')}`,
      tap: `t${index}`,
    }));
    await work('admitToBridge', { folder, guests });
    expect(knownGuests(folder)).toHaveLength(253);
    const one = { mac: LIAR, tap: 'one-more' };
    await expect(work('admitToBridge', { folder, guests: [one] })).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: expect.stringContaining('are given away') as string,
    });
    expect(knownGuests(folder)).toHaveLength(253);
  });
});
