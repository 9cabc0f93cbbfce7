import { absolutePath } from '../../command-line.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { mountFolder, requireMountable } from '../mount.js';
import { CHANGE, repeatedOption, valueOption } from '../options.js';
import { idMapParser, parseMountType, parsePlace } from '../parse.js';

export const mount = defineChange({
  name: 'mount',
  summary: 'Mount a local directory in the instance',
  description:
    'Mount a local directory inside the instance. If the instance is not running, the directory ' +
    'is mounted at its next start.',
  usage: '<source> <target> [<target> ...]',
  parameters: [
    ['source', 'The directory of this host'],
    ['target', 'An instance, <name>[:<path>]; without a path it is mounted in the home there'],
  ],
  examples: [['multipass mount ~/code web:/code', 'a directory of this host in web']],
  argument: ['folder'],
  further: 'instance-path',
  options: {
    type: valueOption({
      flags: ['-t', '--type'],
      value: 'type',
      description:
        'How to mount: classic (default; sshfs in the instance) or native (9p; needs a stopped instance)',
      choices: ['classic', 'native'],
      parse: parseMountType,
    }),
    uidMap: repeatedOption({
      flags: ['-u', '--uid-map'],
      value: 'host:instance',
      description:
        'A user ID of the host, and what it is in the instance; by default yours, and the ' +
        'default user. Can be used multiple times',
      parse: idMapParser('UID'),
    }),
    gidMap: repeatedOption({
      flags: ['-g', '--gid-map'],
      value: 'host:instance',
      description: 'The same for a group ID',
      parse: idMapParser('GID'),
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { type, uidMap, gidMap } = invocation.options;
    const [given, ...places] = invocation.args;
    if (given === undefined || places.length === 0) throw usageError('Not enough arguments given');
    const source = absolutePath(given);
    await requireMountable(source);
    const mounted = outcome.list('mounted');
    for (const { of: name, path } of places.map(parsePlace)) {
      const target = await mountFolder(invocation, {
        source,
        name,
        target: path,
        type,
        uidMappings: uidMap.length === 0 ? undefined : uidMap,
        gidMappings: gidMap.length === 0 ? undefined : gidMap,
      });
      mounted({ instance: name, source, target }, `${source} at ${name}:${target}`);
    }
    return undefined;
  },
});
