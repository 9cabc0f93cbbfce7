import { rm } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { tapName } from '../../../src/net/bridge/tap.js';
import { isPortFree } from '../../../src/net/user-network.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { planMachine, sameMachine, type PlanRequest } from '../../../src/vm/run/plan-machine.js';
import { qemuProgram, qemuTarget } from '../../../src/vm/run/qemu-program.js';
import { readSettings } from '../../../src/vm/settings/settings.js';
import { Work } from '../../../src/work.js';
import { handMadeMac, makeInstance, test } from '../../support/store-fixture.js';

const INTERFACES = [
  { mac: handMadeMac(), network: null, auto: true },
  { mac: handMadeMac(), network: 'br7', auto: true },
] as const;

async function made(layout: StoreLayout): Promise<PlanRequest> {
  await makeInstance(layout, 'web', {
    spec: { cpus: 3, memory: 700 * 1024 ** 2, interfaces: INTERFACES },
  });
  const settings = readSettings(layout, { MULTIPASS_ACCELERATOR: 'tcg' });
  const reading = readInstance(layout, 'web');
  const network = { kind: 'user', bridge: null } as const;
  return { layout, reading, settings, network, isConfined: true, work: Work.of() };
}

describe('planMachine', () => {
  test('makes the machine that the spec asks for', async ({ store: { layout } }) => {
    const request = await made(layout);
    const { spec } = request.reading;
    const machine = await planMachine(request);
    const { arch, board } = qemuTarget();
    expect(machine).toMatchObject({
      arch,
      type: board,
      accelerator: 'tcg',
      cpus: 3,
      memory: 700 * 1024 ** 2,
      uuid: spec.uuid,
      vmgenid: spec.vmgenid,
      hasSeed: true,
    });
    expect(machine.cards.map(({ mac }) => mac)).toEqual(
      INTERFACES.map(({ mac }) => mac.toString()),
    );
    await rm(layout.instance('web').seed);
    expect((await planMachine(request)).hasSeed).toBe(false);
  });

  test('gives each card a network of its own in user mode, the first one with a way in', async ({
    store: { layout },
  }) => {
    const warnings: string[] = [];
    const request = {
      ...(await made(layout)),
      work: Work.of({ onWarning: (text) => void warnings.push(text) }),
    };
    const { cards } = await planMachine(request);
    const backends = cards.map(({ backend }) => backend);
    const [first, second] = backends;
    if (first?.kind !== 'user' || second?.kind !== 'user') throw new Error('not in user mode');
    expect(first.subnet).toMatch(/^10\.\d+\.\d+\.0\/24$|^(?:172|192)\./);
    expect(second.subnet).not.toBe(first.subnet);
    expect(await isPortFree(first.sshPort!)).toBe(true);
    expect(second.sshPort).toBeNull();
    expect(warnings).toEqual([
      'interface extra0 of "web" is not on "br7": that needs local.network=bridge',
    ]);
    const again = (await planMachine(request)).cards.map(({ backend }) => backend);
    expect(again).toMatchObject([{ subnet: first.subnet }, { subnet: second.subnet }]);
  });

  test('plugs the cards into bridges in bridge mode, ours where no other is named', async ({
    store: { layout },
  }) => {
    const network = { kind: 'host', bridge: 'mpqemubr0' } as const;
    const request = { ...(await made(layout)), network };
    const { uuid } = request.reading.spec;
    expect((await planMachine(request)).cards.map(({ backend }) => backend)).toEqual([
      { kind: 'tap', tap: tapName(uuid, 0), bridge: 'mpqemubr0', within: 'host' },
      { kind: 'tap', tap: tapName(uuid, 1), bridge: 'br7', within: 'host' },
    ]);
  });

  test('plugs all cards into the bridge that instances share, whatever other is named', async ({
    store: { layout },
  }) => {
    const network = { kind: 'shared', bridge: 'mpbr00000001' } as const;
    const request = { ...(await made(layout)), network };
    const { uuid } = request.reading.spec;
    expect((await planMachine(request)).cards.map(({ backend }) => backend)).toEqual([
      { kind: 'tap', tap: tapName(uuid, 0), bridge: 'mpbr00000001', within: 'shared' },
      { kind: 'tap', tap: tapName(uuid, 1), bridge: 'mpbr00000001', within: 'shared' },
    ]);
  });
});

describe('sameMachine', () => {
  test('is the same but for the port, which may be taken by now', async ({ store: { layout } }) => {
    const request = await made(layout);
    const machine = await planMachine(request);
    const before = { ...machine, type: 'pc-i440fx-7.2' };
    const again = await sameMachine(before, request);
    const port = (again.cards[0]!.backend as { sshPort: number }).sshPort;
    expect(await isPortFree(port)).toBe(true);
    const [first, ...others] = before.cards;
    const backend = { ...first!.backend, sshPort: port };
    expect(again).toEqual({ ...before, cards: [{ ...first, backend }, ...others] });
  });
});

describe('the program', () => {
  test('is that of the processor of this host', () => {
    expect(qemuTarget('x64')).toEqual({ arch: 'x86_64', board: 'pc' });
    expect(qemuTarget('arm64')).toEqual({ arch: 'aarch64', board: 'virt' });
    expect(qemuProgram('aarch64')).toBe('qemu-system-aarch64');
    expect(() => qemuTarget('mips')).toThrow('instances cannot run on a processor of kind "mips"');
  });
});
