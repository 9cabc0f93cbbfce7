import { parseJson } from '../files/json.js';
import { readdirSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fromSystemError } from '../errors.js';
import { log } from '../log.js';
import type { StoreLayout } from './layout.js';
import { makerState, newToken } from './maker-token.js';
import { readSmallFileIfAny } from '../files/record.js';

const SEPARATOR = '@';

/**
 * A note beside the locks that says who holds one, for those who wait, or what a command is doing to an instance whose
 * lock it does not need. Nothing is decided by it.
 */
export class HolderNote implements AsyncDisposable {
  readonly #path: string;

  private constructor(path: string) {
    this.#path = path;
  }

  static async write(layout: StoreLayout, name: string, purpose: string): Promise<HolderNote> {
    const path = join(layout.locks, `${name}${SEPARATOR}${newToken()}`);
    const since = new Date().toISOString();
    try {
      await writeFile(path, JSON.stringify({ purpose, pid: process.pid, since }), { mode: 0o600 });
    } catch (error) {
      // On a full disk it is there, and empty.
      await rm(path, { force: true }).catch(() => undefined);
      throw fromSystemError(error, 'note who holds the lock', path);
    }
    return new HolderNote(path);
  }

  async remove(): Promise<void> {
    await rm(this.#path, { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.remove();
  }
}

/** What living commands do to which instances: purposes such as `restart`, by the instance's name. */
export function holderPurposes(layout: StoreLayout): ReadonlyMap<string, ReadonlySet<string>> {
  const purposes = new Map<string, Set<string>>();
  for (const { file, instance, token } of notesOf(layout)) {
    if (makerState(token) === 'dead') continue;
    const purpose = purposeOf(readSmallFileIfAny(join(layout.locks, file)));
    if (purpose === undefined) continue;
    purposes.set(instance, (purposes.get(instance) ?? new Set()).add(purpose));
  }
  return purposes;
}

/** Who holds the lock of an instance now: `clone (pid 123) since 2026-01-02T03:04:05.678Z`. */
export function describeHolders(layout: StoreLayout, name: string): string {
  const notes = notesOf(layout)
    .filter((note) => note.instance === name && makerState(note.token) !== 'dead')
    .map((note) => describe(readSmallFileIfAny(join(layout.locks, note.file))));
  return notes.length === 0 ? 'a virtual machine or another program' : notes.join(', ');
}

/** Removes the notes of dead processes. A failure is logged and left to the next time: nothing depends on them. */
export async function sweepHolderNotes(layout: StoreLayout): Promise<void> {
  for (const { file, token } of notesOf(layout)) {
    if (makerState(token) !== 'dead') continue;
    await rm(join(layout.locks, file), { force: true }).catch((error: unknown) =>
      log('warning', 'sweep', `cannot remove ${file}: ${(error as Error).message}`),
    );
  }
}

/** Of which instance, and by whom, a file in `locks/` is a note; undefined for another file. */
export function holderOfNote(
  file: string,
): { readonly instance: string; readonly token: string } | undefined {
  const [instance, token] = file.split(SEPARATOR);
  return instance === undefined || token === undefined ? undefined : { instance, token };
}

function notesOf(layout: StoreLayout): { file: string; instance: string; token: string }[] {
  let files: string[];
  try {
    files = readdirSync(layout.locks);
  } catch {
    return [];
  }
  return files.flatMap((file) => {
    const note = holderOfNote(file);
    return note === undefined ? [] : [{ file, ...note }];
  });
}

function purposeOf(text: string | undefined): string | undefined {
  try {
    const { purpose } = parseJson(text ?? '') as Record<string, unknown>;
    return typeof purpose === 'string' ? purpose : undefined;
  } catch {
    return undefined;
  }
}

function describe(text: string | undefined): string {
  try {
    const { purpose, pid, since } = parseJson(text ?? '') as Record<string, unknown>;
    return `${String(purpose)} (pid ${String(pid)}) since ${String(since)}`;
  } catch {
    return 'another command';
  }
}
