import type { InstanceView } from '../../vm/views.js';
import { isLive } from '../../vm/state.js';
import { defineCommand } from '../command.js';
import { EXIT } from '../exit-codes.js';

const WANTED: Readonly<Record<string, (view: InstanceView) => boolean>> = {
  instance: () => true,
  'running-instance': (view) => isLive(view.state),
  'stopped-instance': (view) => view.state === 'Stopped',
  'deleted-instance': (view) => view.state === 'Deleted',
};

/** For the completion scripts, which keep what it says on stderr to themselves: names, one a line. Never sweeps. */
export const completeNames = defineCommand({
  name: '__complete',
  summary: 'Print names for completion',
  description: 'Print the names of instances, for the completion scripts.',
  usage: 'instance|running-instance|stopped-instance|deleted-instance',
  options: {},
  hidden: true,
  async run({ context, args }) {
    const { listInstances } = await import('../../vm/list-instances.js');
    const isWanted = WANTED[args[0] ?? ''] ?? (() => false);
    for (const view of await listInstances(context.layout)) {
      if (isWanted(view)) context.stdout.write(`${view.name}\n`);
    }
    return EXIT.ok;
  },
});
