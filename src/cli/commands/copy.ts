import { formatMemorySize } from '../../command-line.js';
import { defineChange } from '../define-change.js';
import { usageError } from '../failures.js';
import { CHANGE, flag } from '../options.js';
import { parseNamedSnapshot } from '../select.js';
import { withWork } from '../work.js';

export const copy = defineChange({
  name: 'copy',
  summary: 'Copy an instance to another host, by ssh',
  description:
    'Copy a stopped instance, or the state of one of its snapshots, into the store of another host that has this ' +
    'command: `multipass export` here, `multipass import` there, and your own ssh between them. A base that the ' +
    'other store has is not sent.',
  usage: '<name>[.<snapshot>] <host>:[<new-name>]',
  parameters: [
    ['name', 'The instance to copy'],
    ['snapshot', 'One of its snapshots, to copy its state alone'],
    ['host', 'As ssh takes it, which has to get there without a question'],
    ['new-name', 'What it shall be called there; by default as here'],
  ],
  examples: [
    ['multipass copy web backup.example.com:', 'a copy of it by the same name'],
    ['multipass copy web ada@other:web-2 --move', 'it is there then, and deleted here'],
  ],
  argument: ['stopped-or-snapshot', 'none'],
  options: {
    move: flag({
      flags: ['--move'],
      description:
        'It keeps its uuid, addresses and ssh key, and is deleted here, as by delete, once it stands there',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, args, options } = invocation;
    const [argument, place = '', ...more] = args;
    const colon = place.lastIndexOf(':');
    if (argument === undefined || colon < 1 || more.length > 0) {
      throw usageError(
        'Please provide the name of one instance, and a host with a colon behind it.',
      );
    }
    const { instance: name, snapshot } = parseNamedSnapshot(argument);
    const [host, as] = [place.slice(0, colon), place.slice(colon + 1)];
    const vm = await context.store.instance(name);
    const choices = { snapshot, move: options.move, ...(as === '' ? {} : { name: as }) };
    const report = await withWork(invocation, `Copying ${argument} to ${host}`, (work) =>
      vm.copyTo(host, { ...choices, work }),
    );
    const verb = report.moved ? 'Moved' : 'Copied';
    const shared =
      report.bytesThere === 0 ? '' : `, ${formatMemorySize(report.bytesThere)} were there`;
    outcome.print(
      `${verb} ${argument} to ${report.copy} on ${host} (${formatMemorySize(report.bytes)} sent${shared}).\n`,
    );
    if (report.moved) {
      outcome.print(`${name} is deleted here: \`multipass purge\` frees its space.\n`);
    }
    outcome.set({
      copied: name,
      snapshot: snapshot ?? null,
      host,
      name: report.copy,
      uuid: report.uuid,
      moved: report.moved,
      bytes: report.bytes,
      bytes_there: report.bytesThere,
    });
    return undefined;
  },
});
