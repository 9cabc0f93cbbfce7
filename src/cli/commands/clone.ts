import { MultipassError } from '../../errors.js';
import { parseMemorySize } from '../../memory-size.js';
import type { CloneRequest } from '../../vm/clone/clone-request.js';
import type { Progress } from '../../work.js';
import type { CloneReport } from '../../vm/clone/report.js';
import {
  optionValue,
  parseResultFormat,
  RESULT_FORMAT_OPTION,
  usageError,
  type Command,
  type Invocation,
} from '../command.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { parseNamedSnapshot } from '../named-snapshot.js';
import { tellWarning } from '../problems.js';
import { Spinner } from '../spinner.js';
import { startOrLaunch } from '../start-or-launch.js';
import { tellWhoHolds } from '../waiting.js';

export const clone: Command = {
  name: 'clone',
  aliases: [],
  summary: 'Clone an instance',
  description:
    'Create an independent copy of an existing (stopped) instance, or of one of its snapshots.',
  usage: '<source>[.<snapshot>]',
  argument: 'stopped-instance',
  options: [
    {
      flags: ['-n', '--name'],
      value: 'name',
      takesValue: true,
      description:
        'Name of the copy; with --count, {n} in it stands for 1, 2, ... By default the first free one of <source>-clone1, <source>-clone2, ...',
    },
    {
      flags: ['--count'],
      value: 'number',
      takesValue: true,
      description: 'Make so many copies: all of them or none',
    },
    {
      flags: ['--linked'],
      takesValue: false,
      description: 'Copy no data: source and copy stand on what both have until now',
    },
    {
      flags: ['--cold'],
      takesValue: false,
      description: 'Of a suspended instance, copy the disk and leave the memory behind',
    },
    {
      flags: ['--cpus'],
      value: 'cpus',
      takesValue: true,
      description: 'Number of CPUs of the copy',
    },
    {
      flags: ['--memory'],
      value: 'memory',
      takesValue: true,
      description: 'Amount of memory of the copy',
    },
    {
      flags: ['--disk'],
      value: 'disk',
      takesValue: true,
      description: 'Disk space of the copy; at least what the source has',
    },
    {
      flags: ['--no-mounts'],
      takesValue: false,
      description: 'Leave the mounts of the source out',
    },
    { flags: ['--start'], takesValue: false, description: 'Start the copies' },
    {
      flags: ['--dry-run'],
      takesValue: false,
      description: 'Tell what would be done, and do nothing',
    },
    RESULT_FORMAT_OPTION,
  ],
  async run(invocation) {
    const { context, options } = invocation;
    const format = parseResultFormat(invocation);
    const request = requestOf(invocation);
    if (options['start'] === true && request.dryRun === true) {
      throw usageError("Cannot set 'start' and 'dry-run' options at the same time");
    }
    const report = await cloneWithProgress(invocation, request);
    for (const { unchanged } of report.clones) {
      for (const warning of unchanged) tellWarning(context, warning);
    }
    for (const warning of report.warnings) tellWarning(context, warning);
    const { formatCloneResult } = await import('../format/clone-result.js');
    context.stdout.write(formatCloneResult(report, format));
    if (options['start'] === true) {
      const failures = new Failures();
      for (const { name } of report.clones) {
        await failures.collect(() => startOrLaunch({ context, name, timeoutMs: undefined }));
      }
      failures.throwIfAny();
    }
    return EXIT.ok;
  },
};

async function cloneWithProgress(
  { context }: Invocation,
  request: CloneRequest,
): Promise<CloneReport> {
  const { cloneInstance } = await import('../../vm/clone/clone-instance.js');
  const spinner = await Spinner.start(context.stderr, `Cloning ${request.source}`);
  const work = {
    signal: context.signal,
    onProgress: ({ fraction }: Progress) => spinner.progress(fraction ?? undefined),
    onWait: tellWhoHolds(context, spinner),
  };
  try {
    return await cloneInstance({ ...request, work });
  } finally {
    spinner.stop();
  }
}

function requestOf(invocation: Invocation): CloneRequest {
  const { context, args, options } = invocation;
  const [argument, ...more] = args;
  if (argument === undefined) throw usageError('Please provide the name of the source instance.');
  if (more.length > 0) throw usageError('Too many arguments.');
  const { instance: source, snapshot } = parseNamedSnapshot(argument);
  const { layout } = context;
  return {
    ...{ layout, source, snapshot },
    linked: options['linked'] === true,
    cold: options['cold'] === true,
    dryRun: options['dry-run'] === true,
    overrides: {
      cpus: wholeNumber(invocation, 'cpus'),
      memory: size(invocation, 'memory'),
      disk: size(invocation, 'disk'),
      noMounts: options['no-mounts'] === true,
    },
    name: optionValue(invocation, 'name'),
    count: wholeNumber(invocation, 'count'),
  };
}

function wholeNumber(invocation: Invocation, option: 'cpus' | 'count'): number | undefined {
  const text = optionValue(invocation, option);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,6}$/.test(text) && Number(text) > 0) return Number(text);
  const what = option === 'cpus' ? 'CPU count' : 'number of copies';
  throw usageError(`Error: invalid ${what} '${text}', need a positive integer value.`);
}

function size(invocation: Invocation, option: 'memory' | 'disk'): number | undefined {
  const text = optionValue(invocation, option);
  if (text === undefined) return undefined;
  const bytes = parseMemorySize(text);
  if (bytes !== null) return bytes;
  throw new MultipassError('INVALID_ARGUMENT', `Invalid ${option} size value supplied: ${text}.`, {
    hint: 'Give bytes, or a number followed by K, M or G: 1234B, 42MiB, 0.5G.',
  });
}
