import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { Work } from '../../../src/work.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import type { NetworkInterface } from '../../../src/vm/records/interface.js';
import { writeMachine } from '../../../src/vm/records/machine-record.js';
import { planMachine } from '../../../src/vm/run/plan-machine.js';
import { readSettings } from '../../../src/vm/settings/settings.js';
import { fingerprint } from '../../support/fingerprint.js';
import { handMadeMac, makeInstance, test as base } from '../../support/store-fixture.js';

const REFUSAL = {
  code: 'NETWORK_UNAVAILABLE',
  message: expect.stringContaining("would reach what listens on this host's loopback") as string,
  hint: expect.stringContaining('multipass set local.network=shared') as string,
};

const test = base.extend<{ forbidden: undefined }>({
  forbidden: [
    async ({ store }, use) => {
      await writeFile(
        store.layout.settingsFile,
        '{"local.host-loopback": "false", "local.network": "user"}',
      );
      await use(undefined);
    },
    { auto: true },
  ],
});

describe('local.host-loopback=false', () => {
  test('keeps an instance with one card, or several, from starting on QEMU’s own network', async ({
    store,
  }) => {
    const card = (): NetworkInterface => ({ mac: handMadeMac(), network: null, auto: true });
    await makeInstance(store.layout, 'web', { data: 0 });
    const interfaces = [card(), { ...card(), network: 'br7' }] as const;
    await makeInstance(store.layout, 'two', { data: 0, spec: { interfaces } });
    for (const name of ['web', 'two']) {
      const vm = await store.get(name);
      await expect(vm.start()).rejects.toMatchObject(REFUSAL);
      expect((await store.list()).find((view) => view.name === name)?.state).toBe('Stopped');
      expect(existsSync(store.layout.instance(name).qemuPid)).toBe(false);
    }
  });

  test('keeps a suspended one from going on with such a network, and suspended', async ({
    store,
  }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'asleep', { data: 0, otherTags: ['suspend'] });
    const reading = readInstance(layout, 'asleep');
    const settings = readSettings(layout, { MULTIPASS_ACCELERATOR: 'tcg' });
    const network = { kind: 'user', bridge: null } as const;
    const plan = { layout, reading, settings, network, isConfined: true, work: Work.of() };
    await mkdir(dir.run, { mode: 0o700 });
    await writeMachine(dir, {
      machine: await planMachine(plan),
      started: new Date().toISOString(),
    });
    await writeFile(dir.lock, '', { mode: 0o600 });
    const before = await fingerprint(dir.path);
    await expect((await store.get('asleep')).start()).rejects.toMatchObject(REFUSAL);
    expect((await store.list())[0]?.state).toBe('Suspended');
    expect(await fingerprint(dir.path)).toEqual(before);
  });
});
