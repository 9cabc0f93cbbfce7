import { lstatSync } from 'node:fs';
import { rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError, MultipassError } from '../../errors.js';
import { readRecordIfAny } from '../../files/record.js';
import { ephemeralTokenOf } from '../../store/ephemeral-tokens.js';
import { holderOfNote } from '../../store/lock-holders.js';
import { isMakerGone, makerOfLock } from '../../store/maker-lock.js';
import { makerState } from '../../store/maker-token.js';
import { instanceOfVisibleLock } from '../../store/visible-locks.js';
import { exists, isRunning } from '../read-instance.js';
import type { Examination } from './examination.js';
import type { Mend } from './finding.js';
import { entriesOf } from './folder-entries.js';
import { passThroughLock, sweepStore } from './mends.js';

/** A visible lock is renewed every 5 s by whoever has it. */
const DEAD_AFTER_MS = 60_000;

/** Notes, locks and marks in `locks/` of processes that are gone. */
export async function checkLocks(examination: Examination): Promise<void> {
  for (const file of entriesOf(examination.layout.locks)) await checkFile(examination, file);
}

async function checkFile(examination: Examination, file: string): Promise<void> {
  const { layout } = examination;
  const path = join(layout.locks, file);
  const note = holderOfNote(file);
  const maker = makerOfLock(file);
  const ephemeral = ephemeralTokenOf(file);
  const visible = instanceOfVisibleLock(file);
  if (ephemeral !== undefined) {
    await checkMark(examination, ephemeral, path);
  } else if (maker !== undefined) {
    const isGone = await isMakerGone(layout, maker, { keepsFiles: true });
    if (isGone) noteDead(examination, path, sweepStore);
  } else if (note !== undefined) {
    if (makerState(note.token) === 'dead') noteDead(examination, path, sweepStore);
  } else if (visible !== undefined) {
    // Where its QEMU has the kernel's lock nobody else may remove a visible one: its next start does.
    const runs = isRunning(layout.instance(visible));
    if (!runs && isDead(path)) noteDead(examination, path, removeVisible(visible, path));
  } else {
    examination.note('unknown-file', {
      path,
      message: `"${path}" is no lock of the store`,
      hint: 'Remove it, if you know that you need it no more.',
    });
  }
}

function noteDead(examination: Examination, path: string, mend: Mend): void {
  examination.note('lock-left', {
    path,
    message: `"${path}" is of a process that has ended`,
    hint: 'It does no harm; `multipass doctor --fix` removes it.',
    mend,
  });
}

/** The mark that an instance ends with a process. */
async function checkMark(examination: Examination, token: string, path: string): Promise<void> {
  const { layout, instances } = examination;
  if (!(await isMakerGone(layout, token, { keepsFiles: true }))) return;
  const uuid = uuidOf(path);
  const instance = instances.find(({ held }) => held !== undefined && held.uuid === uuid)?.name;
  if (instance !== undefined) {
    examination.note('ephemeral-left', {
      instance,
      path,
      message:
        `"${instance}" was to end with a process that has ended: ` +
        'the next command that changes the store purges it',
      hint: `To keep it, remove the file "${path}".`,
    });
    return;
  }
  examination.note('ephemeral-mark-left', {
    path,
    message: `"${path}" is about an instance that there is not, and of a process that has ended`,
    hint: 'It does no harm; `multipass doctor --fix` removes it.',
    mend: () => rm(path, { force: true }),
  });
}

function uuidOf(path: string): unknown {
  try {
    return readRecordIfAny(path)?.object()['uuid'];
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

function isDead(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats !== undefined && Date.now() - stats.mtimeMs > DEAD_AFTER_MS;
}

/** Who has the kernel's lock may remove it; where there is no such instance, there is nothing to have. */
function removeVisible(name: string, path: string): Mend {
  return async (request) => {
    if (exists(request.layout, name)) {
      await passThroughLock(name)(request);
      return;
    }
    await rmdir(path).catch((error: unknown) => {
      if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, 'remove a dead lock', path);
    });
  };
}
