import { resolve } from 'node:path';
import type { IdMapping, MountType } from '../../vm/records/mount.js';
import {
  optionValue,
  optionValues,
  usageError,
  type Command,
  type Invocation,
} from '../command.js';
import { EXIT } from '../exit-codes.js';
import { mountWithProgress } from '../mount-with-progress.js';

export const mount: Command = {
  name: 'mount',
  aliases: [],
  summary: 'Mount a local directory in the instance',
  description:
    'Mount a local directory inside the instance. If the instance is not running, the directory is mounted at its next start.',
  usage: '<source> <target> [<target> ...]',
  argument: 'instance',
  options: [
    {
      flags: ['-t', '--type'],
      value: 'type',
      description:
        'How to mount: classic (default; sshfs in the instance) or native (9p; needs a stopped instance)',
      takesValue: true,
      choices: ['classic', 'native'],
    },
    {
      flags: ['-u', '--uid-map'],
      value: 'host>:<instance',
      description:
        'A user ID of the host, and what it is in the instance; by default yours, and the default user. Can be used multiple times',
      takesValue: true,
      repeats: true,
    },
    {
      flags: ['-g', '--gid-map'],
      value: 'host>:<instance',
      description: 'The same for a group ID',
      takesValue: true,
      repeats: true,
    },
  ],
  async run(invocation) {
    const { context, args } = invocation;
    const [given, ...targets] = args;
    if (given === undefined || targets.length === 0) throw usageError('Not enough arguments given');
    const source = resolve(given);
    const { sourceProblem } = await import('../../vm/mounts/mount-place.js');
    const problem = sourceProblem(source);
    if (problem !== null) throw usageError(problem);
    const choices = {
      type: typeOf(invocation),
      uidMappings: mappingsOf(invocation, 'uid-map'),
      gidMappings: mappingsOf(invocation, 'gid-map'),
    };
    for (const where of targets) {
      const [name = '', ...path] = where.split(':');
      await mountWithProgress(context, { ...choices, source, name, target: path.join(':') });
    }
    return EXIT.ok;
  },
};

function typeOf(invocation: Invocation): MountType {
  const type = optionValue(invocation, 'type') ?? 'classic';
  if (type === 'classic' || type === 'native') return type;
  throw usageError(`Bad mount type '${type}' specified, please use 'classic' or 'native'`);
}

function mappingsOf(
  invocation: Invocation,
  option: 'uid-map' | 'gid-map',
): IdMapping[] | undefined {
  const given = optionValues(invocation, option);
  if (given.length === 0) return undefined;
  return given.map((text) => {
    const [, host, guest] = /^(\d{1,10}):(\d{1,10})$/.exec(text) ?? [];
    if (host !== undefined && guest !== undefined) {
      return { host: Number(host), guest: Number(guest) };
    }
    const what = option === 'uid-map' ? 'UID' : 'GID';
    throw usageError(`Invalid ${what} map given: ${text}`);
  });
}
