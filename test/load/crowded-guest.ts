import { join } from 'node:path';
import { openStore } from '../../src/index.js';
import { StoreLayout } from '../../src/store/layout.js';
import { setSetting } from '../../src/vm/settings/get-and-set.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { guestImage } from '../support/guests.js';
import type { Load } from './figures.js';
import { measuredRun } from './measured-run.js';

const COMMANDS = 100;

/** Many commands at once in one guest, each of its own `multipass exec`. */
export async function loadGuest({ folder, command, say, tell }: Load): Promise<void> {
  const layout = new StoreLayout(join(folder, 'store'));
  await prepareStore(layout);
  await setSetting(layout, 'local.network', 'user');
  const image = await guestImage('tiny');
  say('launching a guest');
  const vm = await openStore(layout.root).launch({ image, name: 'web', memory: 512 * 1024 ** 2 });
  try {
    say(`${COMMANDS} commands in it at once`);
    const begin = performance.now();
    const env = { MULTIPASS_STORAGE: layout.root };
    const all = await Promise.all(
      Array.from({ length: COMMANDS }, async (_, at) =>
        measuredRun([...command, 'exec', 'web', '--', 'echo', `number ${at}`], env),
      ),
    );
    const wrong = all.filter(
      ({ exitCode, stdout }, at) => exitCode !== 0 || stdout !== `number ${at}\n`,
    );
    const first = wrong[0] === undefined ? '' : `: ${wrong[0].exitCode} ${wrong[0].stderr}`;
    const what = `${COMMANDS} commands in one guest at once`;
    tell({ what, value: (performance.now() - begin) / 1000, unit: 's' });
    tell({ what: `${what}: failed${first}`, value: wrong.length, unit: '', atMost: 0 });
    const peak = Math.max(...all.map(({ peakMib }) => peakMib));
    tell({ what: `${what}: memory of each`, value: peak, unit: 'MiB', atMost: 150 });
  } finally {
    await vm.purge();
  }
}
