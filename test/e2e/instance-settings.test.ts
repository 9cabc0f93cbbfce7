import { describe, expect } from 'vitest';
import { readQcow2 } from '../../src/qemu/qcow2-header.js';
import { makeInstance, test as base } from '../support/store-fixture.js';
import { makeUnfit } from '../support/run-state.js';
import type { CommandResult } from '../support/command.js';
import { multipassInProcess } from '../support/in-process.js';

const test = base.extend<{ mp: (...args: string[]) => Promise<CommandResult> }>({
  mp: async ({ store }, use) => {
    await use((...args) => multipassInProcess(args, store.layout));
  },
});

const SILENT = { stdout: '', stderr: '', exitCode: 0 };

describe('the settings of instances and snapshots', () => {
  test('are got and set', async ({ store, mp }) => {
    const dir = await makeInstance(store.layout, 'web');
    await mp('snapshot', 'web', '-n', 'first', '-m', 'old');
    for (const [key, given, got] of [
      ['cpus', '4', '4'],
      ['memory', '768m', '768.0MiB'],
      ['disk', '1G', '1.0GiB'],
      ['autostart', 'on', 'true'],
      ['bridged', 'false', 'false'],
      ['first.comment', 'a=b', 'a=b'],
      ['first.comment', '', '<empty>'],
      ['first.name', 'first', 'first'],
    ] as const) {
      expect(await mp('set', `local.web.${key}=${given}`), key).toEqual(SILENT);
      expect(await mp('get', `local.web.${key}`)).toEqual({ ...SILENT, stdout: `${got}\n` });
    }
    expect(readQcow2(dir.disk).virtualSize).toBe(1024 ** 3);
    expect(await mp('set', 'local.web.first.name=second')).toEqual(SILENT);
    const keys = (await mp('get', '--keys')).stdout.split('\n');
    expect(keys.filter((key) => key.startsWith('local.web.'))).toEqual([
      'local.web.autostart',
      'local.web.bridged',
      'local.web.cpus',
      'local.web.disk',
      'local.web.memory',
      'local.web.second.comment',
      'local.web.second.name',
    ]);
  });

  const REFUSED: readonly (readonly [pair: string, message: string])[] = [
    [
      'local.running.cpus=2',
      'Cannot update instance settings; instance: running; reason: Instance must be stopped for modification',
    ],
    [
      'local.gone.cpus=2',
      'Cannot update instance settings; instance: gone; reason: Instance is deleted',
    ],
    [
      'local.nope.cpus=2',
      'Cannot update instance settings; instance: nope; reason: No such instance',
    ],
    ['local.web.disk=1M', "Invalid setting 'local.web.disk=1M': Disk can only be expanded"],
    [
      'local.web.memory=1M',
      "Invalid setting 'local.web.memory=1M': Memory less than 128M minimum not allowed",
    ],
    [
      'local.web.cpus=none',
      "Invalid setting 'local.web.cpus=none': Need a positive integer (in decimal format) of minimum 1",
    ],
    ['local.web.nope.name=x', 'No such snapshot: web.nope'],
    ['local.web.first.size=x', "Unrecognized settings key: 'local.web.first.size'"],
  ];

  test('are refused with the reason', async ({ store, mp }) => {
    await makeUnfit(store.layout);
    await makeInstance(store.layout, 'web');
    for (const [pair, message] of REFUSED) {
      const { stderr, ...rest } = await mp('set', pair);
      expect(rest, pair).toEqual({ stdout: '', exitCode: 2 });
      expect(stderr.split('\n')[0]).toBe(`set failed: ${message}`);
    }
  });
});
