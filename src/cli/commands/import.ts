import { loadArrivingKey } from '../../command-line.js';
import type { ImportReport } from '../../index.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, flag, textOption } from '../options.js';
import { withWork } from '../work.js';

export const importCommand = defineChange({
  name: 'import',
  summary: 'Make an instance of an exported one',
  description:
    'Make an instance of what `multipass export` has written: a copy with an identity of its own, unless it shall ' +
    "keep the one that it had. '-' is stdin; a directory is an OCI image layout.",
  usage: '<file>',
  parameters: [['file', 'The archive, or a directory; - is stdin']],
  examples: [['multipass import web.tar --name web-2', 'a copy of it by another name']],
  argument: ['file'],
  options: {
    name: textOption({
      flags: ['-n', '--name'],
      value: 'name',
      description: 'Name of the instance; by default what it was called',
    }),
    keepIdentity: flag({
      flags: ['--keep-identity'],
      description:
        'It is the instance that it was: its uuid and addresses stay, and nobody here may have them',
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
    const [file, ...more] = args;
    if (file === undefined || more.length > 0) throw usageError('Please provide one archive.');
    const { name, keepIdentity, user } = options;
    const sshKey =
      options.sshKey === undefined
        ? undefined
        : (await loadArrivingKey()).readKeyFile(options.sshKey);
    const from = file === '-' ? context.stdinPieces() : file;
    const reports: ImportReport[] = [];
    const onReport = (report: ImportReport): void => void reports.push(report);
    await withWork(invocation, `Importing ${name ?? file}`, (work) =>
      context.store.import(from, { name, keepIdentity, user, sshKey, onReport, work }),
    );
    const [report] = reports;
    if (report === undefined) throw new Error('an import without a report');
    const { formatImport, importJson } = await import('../format/travel.js');
    outcome.print(formatImport(report));
    outcome.set(importJson(report));
    return undefined;
  },
});
