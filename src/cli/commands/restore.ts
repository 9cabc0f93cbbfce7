import { askYesOrNo } from '../ask.js';
import { usageError, type Command, type Invocation } from '../command.js';
import { EXIT } from '../exit-codes.js';
import { parseNamedSnapshot } from '../named-snapshot.js';
import { tellWarning } from '../problems.js';
import { Spinner } from '../spinner.js';
import { tellWhoHolds } from '../waiting.js';

export const restore: Command = {
  name: 'restore',
  aliases: [],
  summary: 'Restore an instance from a snapshot',
  description: 'Restore a (stopped) instance to the state of a previously taken snapshot.',
  usage: '<instance>.<snapshot>',
  argument: 'stopped-instance',
  options: [
    {
      flags: ['-d', '--destructive'],
      description: 'Discard the current state of the instance, without a question',
      takesValue: false,
    },
  ],
  async run(invocation) {
    const { context } = invocation;
    const { layout, signal } = context;
    const { instance, snapshot } = parseTarget(invocation);
    const { restoreSnapshot } = await import('../../vm/snapshots/restore-snapshot.js');
    // Turns once the question is answered.
    let spinner: Spinner | undefined;
    const turn = async (): Promise<void> => {
      spinner = await Spinner.start(context.stderr, `Restoring ${instance}.${snapshot}`);
    };
    try {
      await restoreSnapshot({
        layout,
        name: instance,
        snapshot,
        keepsPresent: async () => {
          const keeps = await wantsSnapshot(invocation, instance);
          await turn();
          return keeps;
        },
        onSnapshot: ({ name }) => {
          spinner?.clear();
          context.stdout.write(`Snapshot taken: ${instance}.${name}\n`);
        },
        work: {
          signal,
          onWait: (name, holders) => tellWhoHolds(context, spinner)(name, holders),
          onWarning: (warning) => {
            spinner?.clear();
            tellWarning(context, warning);
          },
        },
      });
      spinner?.stop();
      context.stdout.write(`Snapshot restored: ${instance}.${snapshot}\n`);
      return EXIT.ok;
    } finally {
      spinner?.stop();
    }
  },
};

function parseTarget({ args }: Invocation): { instance: string; snapshot: string } {
  const [argument = '', ...more] = args;
  if (more.length > 0) throw usageError('Too many arguments.');
  if (/^[^.]+\.[^.]+$/.test(argument)) {
    const { instance, snapshot = '' } = parseNamedSnapshot(argument);
    return { instance, snapshot };
  }
  throw usageError(
    'Invalid format. Please specify the instance to restore and snapshot to use in the form <instance>.<snapshot>.',
  );
}

/** Whether the present state is to be kept. @throws MultipassError USAGE where nobody can be asked; ABORTED */
async function wantsSnapshot({ context, options }: Invocation, instance: string): Promise<boolean> {
  if (options['destructive'] === true) return false;
  if (!context.terminal) {
    throw usageError(
      'Cannot ask what becomes of the current state, for this is no terminal. Use --destructive to discard it, or take a snapshot first.',
    );
  }
  const text = `Do you want to take a snapshot of ${instance} before discarding its current state?`;
  return await askYesOrNo(context, { text, fallback: true });
}
