import { loadArrivingKey } from '../../command-line.js';
import type { ImportReport } from '../../index.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import type { Invocation } from '../command.js';
import { CHANGE, flag, textOption } from '../options.js';
import type { Outcome } from '../outcome.js';
import { parseOneName } from '../parse.js';
import { withWork } from '../work.js';

const OPTIONS = {
  name: textOption({
    flags: ['-n', '--name'],
    value: 'name',
    description:
      'Name of the instance that is made of a folder outside; by default what that is called',
  }),
  keepIdentity: flag({
    flags: ['--keep-identity'],
    description:
      'A folder outside is the instance that it was: its uuid and addresses stay, and nobody here may have them',
  }),
  sshKey: textOption({
    flags: ['--ssh-key'],
    completes: 'file',
    value: 'file',
    description:
      'Private ssh key that the guest of a folder outside lets in; by default the key of this store',
  }),
  ...CHANGE,
};

export const adopt = defineChange({
  name: 'adopt',
  summary: 'Make a copied folder an instance of its own',
  description:
    'Give an identity of its own to a copy of an instance whose folder was copied by hand: a new ' +
    'uuid, new MAC addresses and a new cloud-init instance-id. Until then such a copy is not started. ' +
    'A folder outside of the store, by its path, comes in by copy, and stays as it is; so does a lone disk, ' +
    'and whatever else `multipass import` takes.',
  usage: '<name> | <directory>',
  parameters: [
    ['name', 'The copy'],
    ['directory', 'A copy outside of the store, by a path: with a / or a . in it'],
  ],
  examples: [
    ['multipass adopt web-copy', 'a copy beside its original, in the store'],
    ['multipass adopt /srv/backup/web --name web-2', 'one that is kept elsewhere'],
  ],
  argument: ['stopped-or-file'],
  options: OPTIONS,
  async run(invocation, outcome) {
    const name = parseOneName(invocation.args);
    // No instance can be called so.
    if (/[/.]/.test(name)) {
      await adoptFrom(name, invocation, outcome);
      return undefined;
    }
    requireNoneOfThem(invocation.options);
    const vm = await invocation.context.store.instance(name);
    const { original } = await withWork(invocation, `Adopting ${name}`, (work) =>
      vm.adopt({ work }),
    );
    outcome.print(`Adopted ${name}, which was a copy of ${original}.\n`);
    outcome.set({ adopted: name, copy_of: original });
    return undefined;
  },
});

async function adoptFrom(
  path: string,
  invocation: Invocation<typeof OPTIONS>,
  outcome: Outcome,
): Promise<void> {
  const { name, keepIdentity, sshKey: keyFile } = invocation.options;
  const { readKeyFile } = await loadArrivingKey();
  const sshKey = keyFile === undefined ? undefined : readKeyFile(keyFile);
  const reports: ImportReport[] = [];
  const onReport = (report: ImportReport): void => void reports.push(report);
  await withWork(invocation, `Adopting ${name ?? path}`, (work) =>
    invocation.context.store.import(path, { name, keepIdentity, sshKey, onReport, work }),
  );
  const [report] = reports;
  if (report === undefined) throw new Error('an import without a report');
  const { formatAdopted, importJson } = await import('../format/travel.js');
  outcome.print(formatAdopted(report, path));
  const { imported, ...rest } = importJson(report);
  outcome.set({ adopted: imported, copy_of: null, ...rest });
}

function requireNoneOfThem({
  name,
  keepIdentity,
  sshKey,
}: Invocation<typeof OPTIONS>['options']): void {
  if (name === undefined && !keepIdentity && sshKey === undefined) return;
  throw usageError('Options are for a folder outside of the store: give its path.');
}
