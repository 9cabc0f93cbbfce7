import { describe, expect, vi } from 'vitest';
import type { Accelerator } from '../../../src/qemu/machine.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readMachine, writeMachine } from '../../../src/vm/records/machine-record.js';
import { waitForGuest } from '../../../src/vm/run/wait-for-guest.js';
import { Work } from '../../../src/work.js';
import { multipassInProcess } from '../../support/in-process.js';
import { pretendGuest } from '../../support/pretend-guest.js';
import { errorOf } from '../../support/refusal.js';
import { test } from '../../support/store-fixture.js';

describe('a guest that is silent', () => {
  test.for<[Accelerator, string]>([
    ['kvm', "it may be this host's KVM that fails: try `multipass set local.accelerator=tcg`."],
    [
      'tcg',
      'give it more time (`--timeout`), and see that its image is one for machines like this host.',
    ],
  ])(
    'brings advice that is not followed already, on %s',
    async ([accelerator, way], { store: { layout } }) => {
      const { dir, path } = await pretendGuest(layout, 'web', 'exit 255');
      vi.stubEnv('PATH', path);
      const { machine, ...record } = readMachine(dir)!;
      await writeMachine(dir, { ...record, machine: { ...machine, accelerator } });
      const reading = readInstance(layout, 'web');
      const waiting = waitForGuest({ layout, reading, timeoutMs: 300, work: Work.of() });
      expect((await errorOf(waiting, 'TIMED_OUT')).hint).toBe(
        `The guest has written nothing to its console: ${way}`,
      );
    },
  );
});

test('info says once that guests run in software', async ({ store: { layout } }) => {
  await pretendGuest(layout, 'web');
  const info = async (): Promise<string> => {
    const words = ['info', 'web', '--no-runtime-information'];
    const { stderr, exitCode } = await multipassInProcess(words, layout);
    expect(exitCode).toBe(0);
    return stderr;
  };
  expect(await info()).toMatch(/^note: guests run in software here, many times slower: .+\n$/);
  expect(await info()).toBe('');
});
