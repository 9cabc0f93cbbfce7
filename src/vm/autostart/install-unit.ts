import { chmod, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { fromSystemError, MultipassError } from '../../errors.js';
import { replaceFile } from '../../files/draft.js';
import { makeFolder } from '../../files/make-folder.js';
import { run } from '../../process/run.js';
import { Work, type WorkRequest } from '../../work.js';
import { isInstalled, UNIT, type UnitPlace } from './unit-place.js';
import { unitText, type UnitContent } from './unit-text.js';

/** What is installed, and where. */
export interface InstallRequest extends WorkRequest {
  readonly place: UnitPlace;
  readonly content: Omit<UnitContent, 'manager'>;
}

/**
 * Writes the unit, over an older one, and has systemd enable and start it, for which nobody waits: only what is active
 * is stopped with the host. Where systemd cannot be asked the unit is there all the same, and a warning says what is
 * left to do.
 * @returns whether systemd has taken it
 * @throws MultipassError PERMISSION_DENIED, DISK_FULL, …, ABORTED
 */
export async function installUnit({
  place,
  content,
  ...request
}: InstallRequest): Promise<boolean> {
  const work = Work.of(request.work);
  const { manager, path } = place;
  await makeFolder(dirname(path), { mode: 0o755 });
  await replaceFile(path, unitText({ ...content, manager }), { doing: 'write the unit' });
  // systemd complains of one that not everybody can read.
  await chmod(path, 0o644);
  return await ask(place, work, ['enable', '--now', '--no-block', UNIT]);
}

/**
 * Has systemd disable the unit, and removes it; what runs goes on. That there is none is no error.
 * @returns whether there was one
 * @throws MultipassError PERMISSION_DENIED, …, ABORTED
 */
export async function removeUnit({
  place,
  ...request
}: Omit<InstallRequest, 'content'>): Promise<boolean> {
  if (!isInstalled(place)) return false;
  const work = Work.of(request.work);
  await systemctl(place, ['disable', UNIT], work).catch(tellOf(work, place, ['disable', UNIT]));
  try {
    await rm(place.path, { force: true });
  } catch (error) {
    throw fromSystemError(error, 'remove the unit', place.path);
  }
  await systemctl(place, ['daemon-reload'], work).catch(ignoreRefusal);
  return true;
}

async function ask(place: UnitPlace, work: Work, words: readonly string[]): Promise<boolean> {
  try {
    await systemctl(place, ['daemon-reload'], work);
    await systemctl(place, words, work);
    return true;
  } catch (error) {
    tellOf(work, place, words)(error);
    return false;
  }
}

async function systemctl(
  { manager }: UnitPlace,
  words: readonly string[],
  { signal }: Work,
): Promise<void> {
  await run('systemctl', [`--${manager}`, ...words], { signal });
}

/** Says what systemd would not do, and how it is done by hand. */
function tellOf(work: Work, { manager }: UnitPlace, words: readonly string[]) {
  return (error: unknown): void => {
    ignoreRefusal(error);
    const line = ['systemctl', `--${manager}`, ...words].join(' ');
    work.warn(`systemd could not be asked: ${(error as Error).message}. Once it runs: \`${line}\``);
  };
}

function ignoreRefusal(error: unknown): void {
  if (!(error instanceof MultipassError) || error.code === 'ABORTED') throw error;
}
