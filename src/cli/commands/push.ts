import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, flag, textOption } from '../options.js';
import { parseNamedSnapshot } from '../select.js';
import { withWork } from '../work.js';

export const push = defineChange({
  name: 'push',
  summary: 'Send an instance to a registry',
  description:
    'Send a stopped instance, or the state of one of its snapshots, to a registry of container images, where ' +
    '`multipass pull` makes copies of it. What the registry has already is not sent again. Keys, addresses and ' +
    'identity stay here, but whatever is on its disk travels. Log in with skopeo, podman or docker.',
  usage: '<name>[.<snapshot>] <reference>',
  parameters: [
    ['name', 'The instance to push'],
    ['snapshot', 'One of its snapshots, to push its state alone'],
    ['reference', 'Where to: <host>[:<port>]/<path>[:<tag>]'],
  ],
  examples: [['multipass push web registry.example.com/team/web:1', 'for everybody of a team']],
  argument: 'stopped-or-snapshot',
  options: {
    from: textOption({
      flags: ['--from'],
      value: 'reference',
      description: 'Something in the same registry that has much of it already',
    }),
    noUserData: flag({
      flags: ['--no-user-data'],
      description: 'Its user-data, which may hold secrets, stays here',
    }),
    noClobber: flag({
      flags: ['--no-clobber'],
      description: 'Refuse a tag that names something already; this is no lock',
    }),
    containerDisk: flag({
      flags: ['--containerdisk'],
      description: 'Its disk a second time, whole, as a container image that KubeVirt runs',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    const [argument, reference, ...more] = args;
    if (argument === undefined || reference === undefined || more.length > 0) {
      throw usageError('Please provide the name of one instance and a reference.');
    }
    const { instance: name, snapshot } = parseNamedSnapshot(argument);
    const vm = await context.store.instance(name);
    const { from, noUserData, noClobber, containerDisk } = options;
    const choices = { snapshot, from, userData: !noUserData, clobber: !noClobber, containerDisk };
    const report = await withWork(invocation, `Pushing ${argument}`, (work) =>
      vm.push(reference, { ...choices, work }),
    );
    const { formatPush, pushJson } = await import('../format/registry.js');
    outcome.print(formatPush(report));
    outcome.set(pushJson(report));
    return undefined;
  },
});
