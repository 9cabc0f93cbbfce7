import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { sourceState, type SourceState } from '../clone/source-state.js';
import { SourceWatch } from '../disks/source-watch.js';
import { hintToStop } from '../errors.js';
import { openInstance, type OpenedInstance } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import { withExportDisks, type ExportDisk } from './export-disks.js';

/** An instance that is about to travel, or the state of one of its snapshots. */
export interface ExportSource {
  readonly opened: OpenedInstance;
  readonly state: SourceState;
  readonly files: readonly [ExportDisk, ...ExportDisk[]];
  /** Whether it is one state alone, without the snapshots. */
  readonly isAlone: boolean;
  /** To be called before the last step. @throws MultipassError INSTANCE_CHANGED, LOCK_LOST */
  readonly beforeEnd: () => void;
}

/** Which instance travels, and what of it. */
export interface ExportSourceRequest {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly snapshot: string | undefined;
  readonly flat: boolean;
  /** As in "cannot export", and the phase that is begun. */
  readonly doing: { readonly verb: 'export' | 'push'; readonly phase: 'exporting' | 'pushing' };
  readonly work: Work;
}

/**
 * Opens a stopped instance to read all that travels of it, under its shared lock, which is held until `use` is done.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INVALID_ARGUMENT, DISK_INVALID,
 *   DISK_FULL, ABORTED, …; what `use` throws
 */
export async function withExportSource<T>(
  request: ExportSourceRequest,
  use: (source: ExportSource) => Promise<T>,
): Promise<T> {
  const { layout, name, snapshot, flat, doing, work } = request;
  await using opened = await openInstance(layout, name, {
    for: doing.verb,
    states: snapshot === undefined ? ['Stopped'] : ['Stopped', 'Suspended'],
    refuse: (its, state) => canOnlyTravelStopped(its, state, doing.verb),
    copy: 'allowed',
    hold: 'shared',
    work,
    early: (reading) => {
      sourceState(reading, snapshot);
      if (snapshot === undefined && !flat) requireNoMemory(reading);
    },
  });
  const { dir } = opened.reading;
  const watch = await SourceWatch.begin([dir.disk, dir.spec, dir.seed], work.signal);
  const reading = opened.reread();
  const state = sourceState(reading, snapshot);
  const beforeEnd = (): void => {
    watch.requireUnchanged();
    opened.assertHeld();
  };
  work.begin(doing.phase, name);
  const isAlone = flat || state.tag !== undefined;
  return await withExportDisks(
    { layout, reading, tag: state.tag, flat, work },
    async (files) => await use({ opened, state, files, isAlone, beforeEnd }),
  );
}

function canOnlyTravelStopped(name: string, state: string, verb: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    `cannot ${verb} "${name}": it is ${state.toLowerCase()}`,
    {
      hint: hintToStop(name, state),
      details: { name, state },
    },
  );
}

/** Memory holds keys, and its machine stays here. */
function requireNoMemory({ name, disk }: InstanceReading): void {
  const saved = disk.snapshots.filter(({ vmStateSize }) => vmStateSize > 0).length;
  if (saved === 0) return;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `"${name}" has ${saved} snapshot${saved === 1 ? '' : 's'} with memory, which does not travel`,
    {
      hint: 'Delete them first, or export its present state alone (`multipass export --flat`), or that of a snapshot.',
      details: { name },
    },
  );
}
