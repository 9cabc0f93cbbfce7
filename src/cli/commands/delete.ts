import { askYesOrNo, cancelled } from '../ask.js';
import { usageError, type Command, type Invocation } from '../command.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { Failures } from '../failures.js';
import { isNamedSnapshot, parseNamedSnapshot } from '../named-snapshot.js';
import { tellWarning } from '../problems.js';
import { selectNames } from '../select.js';
import { tellWhoHolds } from '../waiting.js';

export const deleteCommand: Command = {
  name: 'delete',
  aliases: [],
  summary: 'Delete instances and snapshots',
  description:
    'Delete instances and snapshots. Instances can be recovered, and keep their names, until they are purged; snapshots can not.',
  usage: '<instance>[.<snapshot>] ...',
  argument: 'instance',
  options: [
    { flags: ['--all'], description: 'Delete all instances', takesValue: false },
    {
      flags: ['-p', '--purge'],
      description: 'Purge the instances and snapshots immediately: they can not be recovered',
      takesValue: false,
    },
  ],
  async run(invocation) {
    const { context, options } = invocation;
    const { signal, layout } = context;
    const { deleteInstance, purgeInstance } = await import('../../vm/delete-instance.js');
    const remove = options['purge'] === true ? purgeInstance : deleteInstance;
    const work = { work: { signal, onWait: tellWhoHolds(context) } };
    const named = await selectNames(invocation, (view) => view.state !== 'Broken');
    const snapshots =
      options['all'] === true ? [] : named.filter((one) => isNamedSnapshot(one, layout));
    if (snapshots.length > 0) await requireConsent(invocation, snapshots);
    const failures = new Failures();
    for (const name of snapshots) await failures.collect(() => removeSnapshot(context, name));
    for (const name of named.filter((one) => !snapshots.includes(one))) {
      await failures.collect(() => remove(layout, name, work));
    }
    failures.throwIfAny();
    return EXIT.ok;
  },
};

/** Asks for those that can be deleted only. @throws MultipassError USAGE, ABORTED, INSTANCE_DELETED */
async function requireConsent(
  { context, options }: Invocation,
  snapshots: readonly string[],
): Promise<void> {
  const { exists, readInstance } = await import('../../vm/read-instance.js');
  const { cannotDeleteOfDeleted } = await import('../../vm/snapshots/delete-snapshot.js');
  const { layout } = context;
  const ofDeleted = snapshots.filter((argument) => {
    const [instance = ''] = argument.split('.');
    return exists(layout, instance) && isDeleted(() => readInstance(layout, instance).state);
  });
  if (ofDeleted.length > 0) throw cannotDeleteOfDeleted(ofDeleted);
  if (options['purge'] === true) return;
  const fact = 'Snapshots can only be purged (after deletion, they cannot be recovered).';
  if (!context.terminal) throw usageError(`${fact} Use --purge if that is what you want.`);
  const text = `${fact} Are you sure you want to continue?`;
  if (!(await askYesOrNo(context, { text }))) throw cancelled();
}

async function removeSnapshot(context: CliContext, argument: string): Promise<void> {
  const { deleteSnapshot } = await import('../../vm/snapshots/delete-snapshot.js');
  const { instance, snapshot = '' } = parseNamedSnapshot(argument);
  await deleteSnapshot({
    layout: context.layout,
    name: instance,
    snapshot,
    work: {
      signal: context.signal,
      onWait: tellWhoHolds(context),
      onWarning: (warning) => tellWarning(context, warning),
    },
  });
}

/** What is Broken is told when its turn comes. */
function isDeleted(stateOf: () => string): boolean {
  try {
    return stateOf() === 'Deleted';
  } catch {
    return false;
  }
}
