import { ENGINES, guess } from '../../command-line.js';
import type { Engine } from '../../index.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE } from '../options.js';
import { parseNamedSnapshot } from '../select.js';
import { withWork } from '../work.js';

export const to = defineChange({
  name: 'to',
  summary: 'Write an instance for another engine',
  description:
    'Write a stopped instance, or the state of one of its snapshots, into a new directory, as files that another ' +
    'engine takes: libvirt, incus (and LXD), kubevirt, or an OVA. It says what is kept, changed and lost there, and ' +
    'what to type next. No engine is touched, and no private key of the store is in the files.',
  usage: 'libvirt|incus|kubevirt|ova <name>[.<snapshot>] <directory>',
  parameters: [
    ['name', 'The instance'],
    ['snapshot', 'One of its snapshots, whose state is written alone'],
    ['directory', 'One that is not there yet, or is empty'],
  ],
  examples: [['multipass to libvirt web /srv/web', 'then `virsh define /srv/web/web.xml`']],
  argument: ['none', 'stopped-or-snapshot', 'file'],
  options: CHANGE,
  async run(invocation, outcome) {
    const { context, args } = invocation;
    const [word, argument, folder, ...more] = args;
    if (word === undefined || argument === undefined || folder === undefined || more.length > 0) {
      throw usageError('Please provide an engine, the name of one instance and a directory.');
    }
    const engine = parseEngine(word);
    const { instance: name, snapshot } = parseNamedSnapshot(argument);
    const vm = await context.store.instance(name);
    const report = await withWork(invocation, `Writing ${argument}`, (work) =>
      vm.handOver(engine, folder, { snapshot, work }),
    );
    const { formatHandOver, handOverJson } = await import('../format/hand-over.js');
    outcome.print(formatHandOver(report));
    outcome.set(handOverJson(report));
    return undefined;
  },
});

function parseEngine(word: string): Engine {
  const found = ENGINES.find((engine) => engine === word);
  if (found !== undefined) return found;
  throw usageError(`Please say for which engine: ${ENGINES.join(', ')}.`, guess(word, ENGINES));
}
