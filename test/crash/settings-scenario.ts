import { expect } from 'vitest';
import { readInstance } from '../../src/vm/read-instance.js';
import { readSettingsFile } from '../../src/vm/settings/settings-file.js';
import { makeInstance } from '../support/store-fixture.js';
import { BYSTANDER, makeTemplate, storeScenario } from './store-scenario.js';

type Scenario = ReturnType<typeof storeScenario>;

const MIB = 1024 ** 2;

/** A store whose instance `web` has 64 MiB. */
export async function settingsTemplate(): Promise<string> {
  return await makeTemplate(async (layout) => {
    await makeInstance(layout, BYSTANDER, { data: 0 });
    await makeInstance(layout, 'web', { data: 1 });
  });
}

const SHOWN = [`${BYSTANDER} Stopped`, 'web Stopped'];

/** `set local.default.cpus=3`. */
export function setScenario(template: string): Scenario {
  return storeScenario({
    template,
    args: () => ['set', 'local.default.cpus=3'],
    untouched: ['store/instances'],
    before: SHOWN,
    after: SHOWN,
    check: ({ layout }) => {
      expect([undefined, '3']).toContain(readSettingsFile(layout).known['local.default.cpus']);
      return Promise.resolve();
    },
    // Who sets the next one puts it away.
    mayLeave: ['draft-left'],
  });
}

/** `set local.web.disk=80M`, which changes the disk in place. */
export function resizeScenario(template: string): Scenario {
  return storeScenario({
    template,
    args: () => ['set', 'local.web.disk=600M'],
    untouched: [`store/instances/${BYSTANDER}`],
    before: SHOWN,
    after: SHOWN,
    check: ({ layout }) => {
      expect([64 * MIB, 600 * MIB]).toContain(readInstance(layout, 'web').spec.disk);
      return Promise.resolve();
    },
  });
}
