import { lstatSync, readdirSync, readlinkSync } from 'node:fs';
import { chmod, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../../errors.js';
import { makeFolder } from '../../files/make-folder.js';
import { readSmallFileIfAny } from '../../files/record.js';
import type { StoreLayout } from '../../store/layout.js';
import type { AliasRecord } from './alias-record.js';

/** The one script that all entries of `bin/` lead to: it runs the alias that it is called by. */
const SCRIPT = '.run-alias';

/** It finds its store by where it is itself, so that no file of the store holds a path of the store. */
const SCRIPT_TEXT = `#!/bin/sh
MULTIPASS_STORAGE="\${0%/*}/.." exec multipass "\${0##*/}" -- "$@"
`;

/**
 * Makes `bin/` what the aliases say: each has an entry by its full name, `<context>.<name>`, and one by its name alone,
 * which runs what that means in the context that is active by then. What is no entry of ours stays, and keeps its name.
 * Each step is atomic; to be called by who holds the aliases' lock.
 * @throws MultipassError DISK_FULL, STORE_READ_ONLY, PERMISSION_DENIED, IO_ERROR
 */
export async function updateAliasLinks(layout: StoreLayout, record: AliasRecord): Promise<void> {
  const wanted = new Set(entryNames(record));
  if (wanted.size === 0 && !isThere(layout.bin)) return;
  await makeFolder(layout.bin);
  try {
    await writeScript(layout);
    for (const name of readdirSync(layout.bin)) {
      if (!wanted.has(name) && isOurs(layout, name)) await rm(join(layout.bin, name));
    }
    for (const name of wanted) {
      if (!isThere(join(layout.bin, name))) await symlink(SCRIPT, join(layout.bin, name));
    }
  } catch (error) {
    throw fromSystemError(error, 'make the entries of the aliases', layout.bin);
  }
}

function entryNames({ contexts }: AliasRecord): string[] {
  return Object.entries(contexts).flatMap(([context, aliases]) =>
    Object.keys(aliases).flatMap((name) => [name, `${context}.${name}`]),
  );
}

async function writeScript({ bin }: StoreLayout): Promise<void> {
  const path = join(bin, SCRIPT);
  if (readSmallFileIfAny(path) === SCRIPT_TEXT) return;
  const draft = `${path}.new`;
  await writeFile(draft, SCRIPT_TEXT);
  await chmod(draft, 0o700);
  await rename(draft, path);
}

function isOurs({ bin }: StoreLayout, name: string): boolean {
  try {
    return readlinkSync(join(bin, name)) === SCRIPT;
  } catch (error) {
    if (errnoOf(error) === 'EINVAL') return false;
    throw error;
  }
}

function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
