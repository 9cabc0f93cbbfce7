import { COMPRESSIONS } from '../../command-line.js';
import type { Compression } from '../../index.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, flag, valueOption } from '../options.js';
import { parseNamedSnapshot } from '../select.js';
import { withWork } from '../work.js';

export const exportCommand = defineChange({
  name: 'export',
  summary: 'Write an instance to a file',
  description:
    'Write a stopped instance, or the state of one of its snapshots, as one archive that `multipass import` makes ' +
    "an instance of, on this or another machine; '-' is stdout. The archive is an OCI image layout in a tar.",
  usage: '<name>[.<snapshot>] <file>',
  parameters: [
    ['name', 'The instance to export'],
    ['snapshot', 'One of its snapshots, to export its state alone'],
    ['file', 'Where the archive is written; - is stdout'],
  ],
  examples: [
    ['multipass export web web.tar', 'the instance with its snapshots'],
    ['multipass export web - | ssh other multipass import -', 'a copy of it on another machine'],
  ],
  argument: ['stopped-or-snapshot', 'file'],
  options: {
    flat: flag({
      flags: ['--flat'],
      description:
        'One disk that stands alone, without snapshots, in place of the files as they are',
    }),
    keepBase: flag({
      flags: ['--keep-base'],
      description: 'Leave the bases of the disk out: they have to be where it is imported',
    }),
    compress: valueOption({
      flags: ['--compress'],
      value: 'how',
      description: 'zstd (default where it is installed), gzip or none',
      choices: COMPRESSIONS,
      parse: parseCompression,
    }),
    keepIdentity: flag({
      flags: ['--keep-identity'],
      description:
        'The instance moves: its uuid, addresses and private ssh key are in the archive as well',
    }),
    withKey: flag({
      flags: ['--with-key'],
      description: 'Its private ssh key is in the archive as well',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    const [argument, file, ...more] = args;
    if (argument === undefined || file === undefined || more.length > 0) {
      throw usageError('Please provide the name of one instance and a file.');
    }
    const { instance: name, snapshot } = parseNamedSnapshot(argument);
    const { flat, keepBase, compress: compression, keepIdentity, withKey } = options;
    const toStdout = file === '-';
    if (toStdout && outcome.isJson)
      throw usageError('Standard output cannot have an archive and JSON');
    if (toStdout && context.stdout.isTerminal) {
      throw usageError('An archive is nothing for a terminal: name a file, or pipe it on');
    }
    const vm = await context.store.instance(name);
    const target = toStdout ? (bytes: Uint8Array) => context.stdout.writeBytes(bytes) : file;
    const choices = { snapshot, flat, keepBase, compression, keepIdentity, withKey };
    const report = await withWork(invocation, `Exporting ${argument}`, (work) =>
      vm.export(target, { ...choices, work }),
    );
    const { exportJson, formatExport } = await import('../format/travel.js');
    if (toStdout) outcome.note(formatExport(report, file).trimEnd());
    else outcome.print(formatExport(report, file));
    outcome.set(exportJson(report));
    return undefined;
  },
});

function parseCompression(text: string): Compression {
  const found = COMPRESSIONS.find((one) => one === text);
  if (found !== undefined) return found;
  throw usageError(`Invalid compression '${text}': use zstd, gzip or none.`);
}
