import { askYesOrNo } from '../ask.js';
import { defineChange } from '../define-change.js';
import type { CliContext } from '../context.js';
import { usageError } from '../failures.js';
import { CHANGE, flag } from '../options.js';
import { parseNamedSnapshot } from '../select.js';
import { withWork } from '../work.js';

export const restore = defineChange({
  name: 'restore',
  summary: 'Restore an instance from a snapshot',
  description: 'Restore a (stopped) instance to the state of a previously taken snapshot.',
  usage: '<instance>.<snapshot>',
  parameters: [
    ['instance', 'The instance to restore'],
    ['snapshot', 'The snapshot to take its state from'],
  ],
  argument: ['snapshot'],
  options: {
    destructive: flag({
      flags: ['-d', '--destructive'],
      description: 'Discard the current state of the instance, without a question',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, options } = invocation;
    const { instance: name, snapshot } = parseTarget(invocation.args);
    const vm = await context.store.instance(name);
    const taken: string[] = [];
    let runs: boolean;
    try {
      runs = await withWork(invocation, `Restoring ${name}.${snapshot}`, (work, aside) =>
        vm.restore(snapshot, {
          keepsPresent: () => aside(() => wantsSnapshot(context, name, options.destructive)),
          onSnapshot: (record) => taken.push(record.name),
          work,
        }),
      );
    } finally {
      // It is there, whatever became of the rest.
      for (const one of taken) {
        outcome.print(`Snapshot taken: ${name}.${one}\n`);
        outcome.set({ taken: one });
      }
    }
    outcome.print(`Snapshot restored: ${name}.${snapshot}\n`);
    if (runs) outcome.print(`${name} goes on from its memory: ${OF_THEN}\n`);
    outcome.set({ instance: name, snapshot, running: runs });
    return undefined;
  },
});

/** What of a guest is not as it was then. */
const OF_THEN =
  'its clock is set, its addresses are those of then, and what it was connected to has gone on without it';

function parseTarget([argument = '', ...more]: readonly string[]): {
  instance: string;
  snapshot: string;
} {
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
async function wantsSnapshot(
  context: CliContext,
  name: string,
  destructive: boolean,
): Promise<boolean> {
  if (destructive) return false;
  if (!context.terminal) {
    throw usageError(
      'Cannot ask what becomes of the current state, for this is no terminal. Use --destructive ' +
        'to discard it, or take a snapshot first.',
    );
  }
  const text = `Do you want to take a snapshot of ${name} before discarding its current state?`;
  return await askYesOrNo(context, { text, fallback: true });
}
