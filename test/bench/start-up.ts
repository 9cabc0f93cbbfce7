import { runQuickly } from './command.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { makeStore } from './stores.js';

/** How long the command takes to come up, against Node doing nothing at all. */
export async function benchStartUp({ folder, bin, signal }: Bench): Promise<Comparison[]> {
  const { root } = await makeStore(folder);
  const env = { MULTIPASS_STORAGE: root };
  const node = process.execPath;
  const times = await measure(
    {
      nothing: { work: () => runQuickly([node, '-e', '0']) },
      version: { work: () => runQuickly([node, bin, 'version'], env) },
      list: { work: () => runQuickly([node, bin, 'list'], env) },
    },
    { count: 30, signal },
  );
  const against = times.nothing.as('node -e 0');
  return [
    {
      name: 'start-up',
      ours: times.version.as('version'),
      against,
      aim: { atMost: 1.4 },
    },
    { name: 'start-up', ours: times.list.as('list'), against, aim: { atMost: 1.4 } },
  ];
}
