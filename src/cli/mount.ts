import { hasCode, loadMountPlace, loadSettings } from '../command-line.js';
import { MultipassError, type MountChoices } from '../index.js';
import { usageError } from './failures.js';
import type { MountedFolder } from './format/launch.js';
import { withWork, type Working } from './work.js';

/*
 * Folders that are mounted by a command, or by itself with the primary instance.
 */

/** What is mounted where. */
export interface WantedMount extends MountChoices {
  /** Absolute. */
  readonly source: string;
  readonly name: string;
}

/** Where the primary instance has the user's home, below its own. As in Multipass. */
const HOME = 'Home';

/** @throws MultipassError USAGE, with Multipass's texts, for a folder that cannot be mounted: known before the work */
export async function requireMountable(source: string): Promise<void> {
  const { sourceProblem } = await loadMountPlace();
  const problem = sourceProblem(source);
  if (problem !== null) throw usageError(problem);
}

/** Mounts a folder. @returns where it is in the guest */
export async function mountFolder(working: Working, wanted: WantedMount): Promise<string> {
  const { source, name, ...choices } = wanted;
  const { target = '' } = choices;
  const vm = await working.context.store.instance(name);
  const where = target === '' ? name : `${name}:${target}`;
  return await withWork(working, `Mounting ${source} into ${where}`, (work) =>
    vm.mount(source, { ...choices, work }),
  );
}

/**
 * Mounts the user's home in the primary instance, which has just been launched; others have none. The user did not name
 * it, so a guest that cannot have it is a warning, and mounts that are switched off are none.
 * @returns what was mounted: one folder, or none
 */
export async function mountHome(working: Working, name: string): Promise<MountedFolder[]> {
  const { layout, env, home: source, primary } = working.context;
  if (name !== primary) return [];
  const { readSettings } = await loadSettings();
  if (!readSettings(layout, env).privilegedMounts) return [];
  try {
    return [{ source, target: await mountFolder(working, { source, target: HOME, name }) }];
  } catch (error) {
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    await withWork(working, 'Mounting', (work) => work.warn(error.message));
    return [];
  }
}
