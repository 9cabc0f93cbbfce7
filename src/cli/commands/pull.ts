import { loadArrivingKey } from '../../command-line.js';
import type { PullReport } from '../../index.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, textOption } from '../options.js';
import { withWork } from '../work.js';

export const pull = defineChange({
  name: 'pull',
  summary: 'Make an instance of one in a registry',
  description:
    'Make an instance of what `multipass push` has sent to a registry: a copy with an identity of its own. What is ' +
    'here already of its disks is not fetched.',
  usage: '<reference>',
  parameters: [['reference', 'Where from: <host>[:<port>]/<path>[:<tag>][@<digest>]']],
  examples: [
    ['multipass pull registry.example.com/team/web:1 --name web-2', 'a copy by another name'],
  ],
  argument: 'none',
  options: {
    name: textOption({
      flags: ['-n', '--name'],
      value: 'name',
      description: 'Name of the instance; by default what it was called',
    }),
    user: textOption({
      flags: ['--user'],
      value: 'user',
      description: 'User of its guest; by default as it was',
    }),
    sshKey: textOption({
      flags: ['--ssh-key'],
      completes: 'file',
      value: 'file',
      description: 'Private ssh key that its guest lets in; by default the key of this store',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    const [reference, ...more] = args;
    if (reference === undefined || more.length > 0) {
      throw usageError('Please provide one reference.');
    }
    const { name, user, sshKey: keyFile } = options;
    const sshKey =
      keyFile === undefined ? undefined : (await loadArrivingKey()).readKeyFile(keyFile);
    const reports: PullReport[] = [];
    const onReport = (report: PullReport): void => void reports.push(report);
    await withWork(invocation, `Pulling ${name ?? reference}`, (work) =>
      context.store.pull(reference, { name, user, sshKey, onReport, work }),
    );
    const [report] = reports;
    if (report === undefined) throw new Error('a pull without a report');
    const { formatPull, pullJson } = await import('../format/registry.js');
    outcome.print(formatPull(report));
    outcome.set(pullJson(report));
    return undefined;
  },
});
