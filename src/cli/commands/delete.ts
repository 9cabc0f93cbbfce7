import {
  loadDeleteInstance,
  loadDeleteSnapshot,
  loadSnapshotOwners,
  type InstanceReading,
} from '../../command-line.js';
import type { Work } from '../../index.js';
import { askYesOrNo, cancelled } from '../ask.js';
import { defineChange } from '../define-change.js';
import type { CliContext } from '../context.js';
import { forEach, usageError } from '../failures.js';
import { guardByThisCommand } from '../guard-program.js';
import { CHANGE, flag } from '../options.js';
import { allOption, isNamedSnapshot, parseNamedSnapshot, selectInstances } from '../select.js';
import { withWork } from '../work.js';

export const deleteCommand = defineChange({
  name: 'delete',
  summary: 'Delete instances and snapshots',
  description:
    'Delete instances and snapshots. Instances can be recovered, and keep their names, until ' +
    'they are purged; snapshots can not.',
  usage: '<instance>[.<snapshot>] ...',
  parameters: [
    ['instance', 'An instance to delete'],
    ['snapshot', 'A snapshot of it, to delete that alone'],
  ],
  argument: 'living-or-snapshot',
  options: {
    ...allOption('Delete all instances'),
    purge: flag({
      flags: ['-p', '--purge'],
      description: 'Purge the instances and snapshots immediately: they can not be recovered',
    }),
    ...CHANGE,
  },
  async run(invocation, outcome) {
    const { context, options } = invocation;
    const { layout } = context;
    const { deleteInstance, purgeInstance } = await loadDeleteInstance();
    const remove = options.purge ? purgeInstance : deleteInstance;
    const selected = await selectInstances(invocation, (view) => view.state !== 'Broken');
    const names = selected.map(({ name }) => name);
    const snapshots = options.all ? [] : names.filter((name) => isNamedSnapshot(name, layout));
    const instances = selected.filter(({ name }) => !snapshots.includes(name));
    const owners = await requireConsent(context, snapshots, options.purge);
    const gone: string[] = [];
    const done = outcome.list(options.purge ? 'purged' : 'deleted');
    const act = (work: Work): Promise<void> =>
      forEach([...snapshots, ...instances], async (one) => {
        const name = typeof one === 'string' ? one : one.name;
        if (typeof one === 'string') await removeSnapshot(context, one, { owners, work });
        else await remove(layout, name, { seen: one.seen, work });
        gone.push(name);
        done(name);
      });
    try {
      await withWork(invocation, `Deleting ${names.join(', ')}`, act);
    } catch (error) {
      if (gone.length > 0) context.stderr.write(`Deleted all the same: ${gone.join(', ')}\n`);
      throw error;
    }
    return undefined;
  },
});

/**
 * Asks, where nobody has said so, whether the snapshots shall go: those that can be deleted only.
 * @returns what was seen of their instances
 * @throws MultipassError USAGE, ABORTED, INSTANCE_DELETED
 */
async function requireConsent(
  context: CliContext,
  snapshots: readonly string[],
  isGiven: boolean,
): Promise<ReadonlyMap<string, InstanceReading>> {
  if (snapshots.length === 0) return new Map();
  const { lookAtOwners } = await loadSnapshotOwners();
  const byOwner = new Map<string, string[]>();
  for (const argument of snapshots) {
    const { instance } = parseNamedSnapshot(argument);
    byOwner.set(instance, [...(byOwner.get(instance) ?? []), argument]);
  }
  const seen = lookAtOwners(context.layout, byOwner);
  if (isGiven) return seen;
  const fact = 'Snapshots can only be purged (after deletion, they cannot be recovered).';
  if (!context.terminal) throw usageError(`${fact} Use --purge if that is what you want.`);
  const text = `${fact} Are you sure you want to continue?`;
  if (!(await askYesOrNo(context, { text }))) throw cancelled();
  return seen;
}

async function removeSnapshot(
  { layout }: CliContext,
  argument: string,
  { owners, work }: { owners: ReadonlyMap<string, InstanceReading>; work: Work },
): Promise<void> {
  const { deleteLiveSnapshot } = await loadDeleteSnapshot();
  const { instance: name, snapshot = '' } = parseNamedSnapshot(argument);
  if (owners.get(name)?.state === 'Running') await guardByThisCommand();
  await deleteLiveSnapshot({ layout, name, snapshot, seen: owners.get(name), work });
}
