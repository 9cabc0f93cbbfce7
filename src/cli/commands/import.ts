import { loadArrivingKey } from '../../command-line.js';
import type { ImportReport } from '../../index.js';
import type { CliContext } from '../context.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, flag, textOption, valueOption } from '../options.js';
import { parseCpus, parseImageFormat, parseSize } from '../parse.js';
import type { Outcome } from '../outcome.js';
import { withWork } from '../work.js';

export const importCommand = defineChange({
  name: 'import',
  summary: 'Make an instance of an archive or a foreign machine',
  description:
    'Make an instance of what `multipass export` has written: a copy with an identity of its own, unless it shall ' +
    'keep the one that it had. Or of what other programs have, told by its content: a disk (qcow2, raw, vmdk, vdi, ' +
    'vhdx, vhd), an OVA, a box of Vagrant, an image of Incus or LXD, the folder of a Lima instance, the XML of ' +
    "libvirt beside its disk, a containerDisk; packed with gzip, xz or zstd, or not. '-' is stdin.",
  usage: '<file> | --have [<size> ...]',
  parameters: [
    ['file', 'The archive, disk or description, or a directory; - is stdin'],
    ['size', 'Of a base, in bytes'],
  ],
  examples: [
    ['multipass import web.tar --name web-2', 'a copy of it by another name'],
    ['multipass import appliance.ova --memory 4G', 'a machine of VirtualBox or VMware'],
  ],
  argument: ['file'],
  options: {
    name: textOption({
      flags: ['-n', '--name'],
      value: 'name',
      description: 'Name of the instance; by default what it, or its file, was called',
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
    cpus: valueOption({
      flags: ['-c', '--cpus'],
      value: 'cpus',
      description: 'Number of CPUs of what is of another program; by default as it says',
      parse: parseCpus,
    }),
    memory: valueOption({
      flags: ['-m', '--memory'],
      value: 'memory',
      description: 'Memory of what is of another program; by default as it says',
      parse: parseSize,
    }),
    imageFormat: valueOption({
      flags: ['--image-format'],
      value: 'format',
      description: 'raw: it is a raw disk, whatever it looks like; by default its content decides',
      choices: ['raw'],
      parse: parseImageFormat,
    }),
    have: flag({
      flags: ['--have'],
      description:
        'Make nothing: print the digests of the bases that this store has, of all or of some sizes in bytes, which ' +
        '`multipass copy` asks for',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    if (options.have) {
      await tellBases(invocation, outcome);
      return undefined;
    }
    const [file, ...more] = args;
    if (file === undefined || more.length > 0) throw usageError('Please provide one archive.');
    const { name, keepIdentity, user, cpus, memory, imageFormat } = options;
    const sshKey =
      options.sshKey === undefined
        ? undefined
        : (await loadArrivingKey()).readKeyFile(options.sshKey);
    const from = file === '-' ? context.stdinPieces() : file;
    const choices = { name, user, cpus, memory, imageFormat };
    const reports: ImportReport[] = [];
    const onReport = (report: ImportReport): void => void reports.push(report);
    await withWork(invocation, `Importing ${name ?? file}`, (work) =>
      context.store.import(from, { ...choices, keepIdentity, sshKey, onReport, work }),
    );
    const [report] = reports;
    if (report === undefined) throw new Error('an import without a report');
    const { formatImport, importJson } = await import('../format/travel.js');
    outcome.print(formatImport(report));
    outcome.set(importJson(report));
    return undefined;
  },
});

async function tellBases(
  { context, args }: { readonly context: CliContext; readonly args: readonly string[] },
  outcome: Outcome,
): Promise<void> {
  const sizes = args.map((text) => (/^[0-9]{1,15}$/.test(text) ? Number(text) : Number.NaN));
  if (sizes.some(Number.isNaN)) throw usageError('Sizes are numbers of bytes.');
  const { signal } = context;
  const chosen = sizes.length === 0 ? {} : { sizes };
  const bases = await context.store.bases({ ...chosen, work: { signal } });
  outcome.print(bases.map(({ digest }) => `${digest}\n`).join(''));
  outcome.set({ bases: bases.map(({ digest, size }) => ({ digest, size })) });
}
