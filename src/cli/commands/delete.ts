import type { Work } from '../../work.js';
import { askYesOrNo, cancelled } from '../ask.js';
import { defineCommand } from '../command.js';
import type { CliContext } from '../context.js';
import { EXIT } from '../exit-codes.js';
import { forEach, usageError } from '../failures.js';
import { flag, PROGRESS } from '../options.js';
import { allOption, isNamedSnapshot, parseNamedSnapshot, selectNames } from '../select.js';
import { withWork } from '../work.js';

export const deleteCommand = defineCommand({
  name: 'delete',
  aliases: [],
  summary: 'Delete instances and snapshots',
  description:
    'Delete instances and snapshots. Instances can be recovered, and keep their names, until ' +
    'they are purged; snapshots can not.',
  usage: '<instance>[.<snapshot>] ...',
  argument: 'instance',
  options: {
    ...allOption('Delete all instances'),
    purge: flag({
      flags: ['-p', '--purge'],
      description: 'Purge the instances and snapshots immediately: they can not be recovered',
    }),
    ...PROGRESS,
  },
  async run(invocation) {
    const { context, options } = invocation;
    const { layout } = context;
    const { deleteInstance, purgeInstance } = await import('../../vm/delete-instance.js');
    const remove = options.purge ? purgeInstance : deleteInstance;
    const named = await selectNames(invocation, (view) => view.state !== 'Broken');
    const snapshots = options.all ? [] : named.filter((one) => isNamedSnapshot(one, layout));
    const instances = named.filter((one) => !snapshots.includes(one));
    if (snapshots.length > 0) await requireConsent(context, snapshots, options.purge);
    await withWork(invocation, `Deleting ${named.join(', ')}`, (work) =>
      forEach([...snapshots, ...instances], async (name) => {
        if (snapshots.includes(name)) await removeSnapshot(context, name, work);
        else await remove(layout, name, { work });
      }),
    );
    return EXIT.ok;
  },
});

/** Asks for those that can be deleted only. @throws MultipassError USAGE, ABORTED, INSTANCE_DELETED */
async function requireConsent(
  context: CliContext,
  snapshots: readonly string[],
  isGiven: boolean,
): Promise<void> {
  const { exists, readInstance } = await import('../../vm/read-instance.js');
  const { cannotDeleteOfDeleted } = await import('../../vm/snapshots/delete-snapshot.js');
  const { layout } = context;
  const ofDeleted = snapshots.filter((argument) => {
    const [instance = ''] = argument.split('.');
    return exists(layout, instance) && isDeleted(() => readInstance(layout, instance).state);
  });
  if (ofDeleted.length > 0) throw cannotDeleteOfDeleted(ofDeleted);
  if (isGiven) return;
  const fact = 'Snapshots can only be purged (after deletion, they cannot be recovered).';
  if (!context.terminal) throw usageError(`${fact} Use --purge if that is what you want.`);
  const text = `${fact} Are you sure you want to continue?`;
  if (!(await askYesOrNo(context, { text }))) throw cancelled();
}

async function removeSnapshot({ layout }: CliContext, argument: string, work: Work): Promise<void> {
  const { deleteSnapshot } = await import('../../vm/snapshots/delete-snapshot.js');
  const { instance: name, snapshot = '' } = parseNamedSnapshot(argument);
  await deleteSnapshot({ layout, name, snapshot, work });
}

/** What is Broken is reported when its turn comes. */
function isDeleted(stateOf: () => string): boolean {
  try {
    return stateOf() === 'Deleted';
  } catch {
    return false;
  }
}
