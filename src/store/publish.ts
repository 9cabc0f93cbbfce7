import { lstat } from 'node:fs/promises';
import { throwIfAborted } from '../abort.js';
import { hasCode, MultipassError } from '../errors.js';
import { syncPath, syncTree } from '../files/sync.js';
import { log } from '../log.js';
import { run } from '../process/run.js';
import { newCommit, removeCommit, writeCommit, type Publication } from './commit.js';
import type { StoreLayout } from './layout.js';
import { confirmVisible, moveIfFree, nameTaken } from './make-visible.js';
import type { StagedInstance } from './staging.js';
import { takeBack } from './take-back.js';
import type { RowsOf } from './mac-table.js';

/** A staged instance that is whole but for its name. */
export interface Publishable {
  readonly staged: StagedInstance;
  readonly name: string;
  /** For a name that nobody has chosen: what it begins with, before a number, when several are published. */
  readonly stem?: string | null | undefined;
  /** For a name that nobody has chosen: the next one, when `taken` is taken. Without it, that name or none. */
  readonly nextName?: ((taken: string) => string) | undefined;
  /**
   * Writes what the name goes into, in the staged folder; called again for each further name, and then whole or not at
   * all: of a set it is decided by then that it becomes visible.
   */
  readonly writeName?: ((name: string) => Promise<void>) | undefined;
}

/** How it is published. */
export interface PublishOptions {
  /** Tells the uuid of a folder: what has to be taken back is known by it, never by its name alone. */
  readonly rowsOf: RowsOf;
  /** Heeded until the first one is visible. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Makes staged instances visible and durable. Synced are, in this order, all their files, their folders bottom up, and
 * the MAC rows; then comes one rename for each, and last both parent folders are synced. Before its rename an instance
 * is invisible, after it it is whole. An automatic name that is taken is replaced by the next one, and only what holds
 * the name is written again.
 *
 * Several instances become visible together or not at all. A durable record is written first that decides to publish
 * them; when this process is killed, the next command that changes the store goes on with it. When a chosen name turns
 * out to be taken, the record is replaced by the decision to undo, and what is visible already is taken back.
 *
 * @returns their names
 * @throws MultipassError NAME_TAKEN when another process took a chosen name meanwhile: nothing of the set is visible,
 *   and each instance is still staged or gone; NOT_DURABLE when all is visible but the disk would not confirm it;
 *   ABORTED, DISK_FULL, IO_ERROR, …
 */
export async function publish(
  layout: StoreLayout,
  instances: readonly Publishable[],
  options: PublishOptions,
): Promise<string[]> {
  for (const { staged, name, writeName } of instances) {
    await writeName?.(name);
    await staged.seal();
  }
  await syncAll(layout, instances, options.signal);
  throwIfAborted(options.signal);
  const record = instances.length > 1 ? newCommit(layout) : undefined;
  const names = await moveAll(layout, instances, { record, rowsOf: options.rowsOf });
  try {
    await confirmVisible(layout, names);
  } finally {
    for (const { staged } of instances) await staged.leave();
    if (record !== undefined) await removeCommit(record);
  }
  return names;
}

/** A set of publications on its way. */
interface MoveOptions {
  /** Where the commit is recorded; undefined for a single one, whose rename is the whole commit. */
  readonly record: string | undefined;
  readonly rowsOf: RowsOf;
}

async function moveAll(
  layout: StoreLayout,
  instances: readonly Publishable[],
  { record, rowsOf }: MoveOptions,
): Promise<string[]> {
  let publications = await Promise.all(instances.map(publicationOf));
  const commit = async (): Promise<void> => {
    if (record !== undefined)
      await writeCommit(layout, record, { decision: 'publish', publications });
  };
  await commit();
  try {
    for (const [index, instance] of instances.entries()) {
      for (let name = instance.name; !(await moveIfFree(layout, instance.staged.path, name));) {
        name = nextName(instance, name, publications);
        await instance.writeName?.(name);
        await syncTree(instance.staged.path);
        publications = publications.with(index, { ...publications[index], name } as Publication);
        await commit();
      }
    }
    return publications.map(({ name }) => name);
  } catch (error) {
    if (record !== undefined) await undo(layout, record, { publications, rowsOf });
    throw error;
  }
}

async function publicationOf({ staged, name, stem = null }: Publishable): Promise<Publication> {
  const { ino } = await lstat(staged.path, { bigint: true });
  return { token: staged.token, name, stem, uuid: staged.uuid, inode: String(ino) };
}

/** The next name that none of the others has been promised. @throws MultipassError NAME_TAKEN for a chosen one */
function nextName(
  { nextName }: Publishable,
  taken: string,
  publications: readonly Publication[],
): string {
  if (nextName === undefined) throw nameTaken(taken);
  const promised = new Set(publications.map(({ name }) => name));
  let name = nextName(taken);
  while (promised.has(name)) name = nextName(name);
  return name;
}

/** Decides to undo, and takes back what is visible. Once the record says so, any later command can finish this. */
async function undo(
  layout: StoreLayout,
  record: string,
  { publications, rowsOf }: { publications: readonly Publication[]; rowsOf: RowsOf },
): Promise<void> {
  try {
    await writeCommit(layout, record, { decision: 'undo', publications });
    await takeBack(layout, publications, rowsOf);
    await removeCommit(record);
  } catch (error) {
    // The caller reports why the set was given up, not this; the next command takes back what is left.
    log('warning', 'publish', `not all could be taken back yet: ${(error as Error).message}`);
  }
}

/** One call for the whole file system, where there is one, is cheaper than one for each of many small files. */
async function syncAll(
  layout: StoreLayout,
  instances: readonly Publishable[],
  signal: AbortSignal | undefined,
): Promise<void> {
  if (instances.length > 1 && (await syncFileSystem(layout, signal))) return;
  for (const { staged } of instances) await syncTree(staged.path);
  await syncPath(layout.macs);
}

/** False where that cannot be had. */
async function syncFileSystem(
  layout: StoreLayout,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  try {
    await run('sync', ['--file-system', layout.staging], { signal });
    return true;
  } catch (error) {
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    return false;
  }
}
