import { existsSync, readFileSync } from 'node:fs';
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { canOpen, KVM_DEVICE } from '../../../src/qemu/accelerator.js';
import { PROBE_EXIT_CODE } from '../../../src/qemu/probe-guest.js';
import {
  chooseAccelerator,
  type AcceleratorRequest,
} from '../../../src/vm/run/choose-accelerator.js';
import { test as base } from '../../support/store-fixture.js';

/** Chooses where there is a device of hardware that anybody may open, with a QEMU that runs `script`. */
const test = base.extend<{
  choose: (script: string, request?: Partial<AcceleratorRequest>) => Promise<string>;
}>({
  choose: async ({ store, root }, use) => {
    await use(async (script, request = {}) => {
      const program = join(root, 'qemu-system-x86_64');
      await writeFile(program, `#!/bin/sh\necho asked >>${root}/asked\n${script}\n`);
      await chmod(program, 0o755);
      const { layout } = store;
      const device = join(root, 'kvm');
      await writeFile(device, '');
      return await chooseAccelerator({
        layout,
        program,
        wanted: 'auto',
        device,
        ...request,
      });
    });
  },
});

const WORKS = `exit ${PROBE_EXIT_CODE}`;
const FAILS = 'exit 1';

async function timesAsked(root: string): Promise<number> {
  if (!existsSync(join(root, 'asked'))) return 0;
  return (await readFile(join(root, 'asked'), 'utf8')).trim().split('\n').length;
}

describe('auto', () => {
  test('takes hardware that runs guests, and asks it once in each boot of the host', async ({
    choose,
    root,
    store,
  }) => {
    expect(await choose(WORKS)).toBe('kvm');
    expect(await choose(FAILS)).toBe('kvm');
    expect(await timesAsked(root)).toBe(1);
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    expect(JSON.parse(await readFile(store.layout.acceleratorFile, 'utf8'))).toEqual({
      boot,
      works: true,
    });
    await writeFile(store.layout.acceleratorFile, JSON.stringify({ boot: 'another', works: true }));
    expect(await choose(FAILS)).toBe('tcg');
    expect(await choose(WORKS)).toBe('tcg');
    expect(await timesAsked(root)).toBe(2);
  });

  test.for(['{"boot": 7', '{"works": true}', '[]'])(
    'asks again when what it remembers is %s',
    async (text, { choose, store }) => {
      await writeFile(store.layout.acceleratorFile, text);
      expect(await choose(FAILS)).toBe('tcg');
    },
  );

  test('is the translator where there is no hardware', async ({ choose, root }) => {
    expect(await choose(WORKS, { device: join(root, 'none') })).toBe('tcg');
    expect(await timesAsked(root)).toBe(0);
  });
});

describe('a given accelerator', () => {
  test('is believed without a question', async ({ choose, root }) => {
    expect(await choose(FAILS, { wanted: 'tcg' })).toBe('tcg');
    expect(await choose(FAILS, { wanted: 'kvm' })).toBe('kvm');
    expect(await timesAsked(root)).toBe(0);
  });

  test('is refused where it cannot be', async ({ choose, root }) => {
    const device = join(root, 'none');
    await expect(choose(WORKS, { wanted: 'kvm', device })).rejects.toMatchObject({
      code: 'ACCELERATOR_UNAVAILABLE',
      message: 'the accelerator "kvm" cannot be used here',
      hint: expect.stringContaining(device) as string,
    });
  });

  test('that needs a device is used when that can be opened', async ({ choose }) => {
    const chosen = choose(WORKS, { wanted: 'kvm', device: KVM_DEVICE }).catch(
      (error: unknown) => (error as { code: string }).code,
    );
    expect(await chosen).toBe((await canOpen(KVM_DEVICE)) ? 'kvm' : 'ACCELERATOR_UNAVAILABLE');
  });
});
