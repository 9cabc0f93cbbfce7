import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runQuickly } from './command.js';
import { measure, type Side } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import { makeCrowdedStore, nameOf } from './stores.js';

/** The command that Bun made, and the one for Node beside it, against Node doing nothing at all. */
export async function benchBinary({ folder, bin, signal }: Bench): Promise<Comparison[]> {
  const layout = await makeCrowdedStore(join(folder, 'store'), 10);
  const env = { MULTIPASS_STORAGE: layout.root };
  const file = join(bin, '../..', `multipass-linux-${process.arch}`);
  const undo = async (): Promise<void> => {
    await rm(layout.instance('copy').path, { recursive: true });
    await runQuickly(['sync', '--file-system', layout.root]);
  };
  const clone = ['clone', nameOf(0), '--linked', '--name', 'copy'];
  const sides = (...command: readonly [string, ...string[]]): Record<'list' | 'clone', Side> => ({
    list: { work: () => runQuickly([...command, 'list'], env) },
    clone: { work: () => runQuickly([...command, ...clone], env), undo },
  });
  const [ours, forNode] = [sides(file), sides(process.execPath, bin)];
  const times = await measure(
    {
      nothing: { work: () => runQuickly([process.execPath, '-e', '0']) },
      version: { work: () => runQuickly([file, 'version'], env) },
      list: ours.list,
      clone: ours.clone,
      nodeList: forNode.list,
      nodeClone: forNode.clone,
    },
    { count: 30, signal },
  );
  const against = times.nothing.as('node -e 0');
  return [
    { name: 'version', ours: times.version.as('binary'), against },
    { name: 'list of ten', ours: times.list.as('binary'), against, aim: { atMost: 0.9 } },
    { name: 'list of ten', ours: times.nodeList.as('for Node'), against },
    { name: 'linked clone', ours: times.clone.as('binary'), against },
    { name: 'linked clone', ours: times.nodeClone.as('for Node'), against },
  ];
}
