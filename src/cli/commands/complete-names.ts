import type { StoreLayout } from '../../store/layout.js';
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
  description: 'Print the names of instances or aliases, for the completion scripts.',
  usage: 'instance|running-instance|stopped-instance|deleted-instance|alias|alias-context',
  options: {},
  hidden: true,
  async run({ context, args }) {
    for (const name of await namesOf(context.layout, args[0] ?? '')) {
      context.stdout.write(`${name}\n`);
    }
    return EXIT.ok;
  },
});

async function namesOf(layout: StoreLayout, kind: string): Promise<string[]> {
  if (kind === 'alias' || kind === 'alias-context') {
    const { readAliases } = await import('../../vm/aliases/alias-file.js');
    const { active, contexts } = readAliases(layout);
    return kind === 'alias' ? Object.keys(contexts[active] ?? {}) : Object.keys(contexts);
  }
  const { listInstances } = await import('../../vm/list-instances.js');
  const isWanted = WANTED[kind] ?? (() => false);
  return (await listInstances(layout)).filter(isWanted).map(({ name }) => name);
}
