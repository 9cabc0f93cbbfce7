import { lstatSync } from 'node:fs';
import { join } from 'node:path';
import { LEFT_OVER_RECORD } from '../../files/record.js';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import { makerState } from '../../store/maker-token.js';
import { isOwnFolder, type Examination } from './examination.js';
import { entriesOf } from './folder-entries.js';
import { moveAside, sweepStore } from './mends.js';

/**
 * What there is in the root of a store, and of an old Multipass that has the same folder.
 * @internal for its tests
 */
export const ROOT_ENTRIES = new Set([
  ...['store.json', 'instances', 'images', 'macs', 'staging', 'trash', 'keys', 'locks'],
  ...[
    'ports',
    'downloads',
    'network',
    'settings.json',
    'settings.lock',
    'registries.json',
    'registries.lock',
    'aliases.json',
    'aliases.lock',
  ],
  ...[
    'bin',
    'ssh_config',
    'host',
    'confinement.json',
    'accelerator.json',
    'lost+found',
    'data',
    'cache',
  ],
]);

/** What is written is there for less than this. */
const IN_THE_MAKING_MS = 60_000;

/** Files that the store does not know, those that killed writers left, and folders that are none. */
export function checkStrangers(examination: Examination): void {
  const { layout } = examination;
  checkFolders(examination);
  for (const name of entriesOf(layout.root)) {
    const path = join(layout.root, name);
    if (isDraft(name)) noteDraft(examination, path);
    else if (!ROOT_ENTRIES.has(name)) noteUnknown(examination, path);
  }
  for (const name of entriesOf(layout.instances)) {
    if (name.startsWith('.')) noteUnknown(examination, join(layout.instances, name));
  }
  for (const { name, dir } of examination.instances) {
    if (!isOwnFolder(dir.path)) continue;
    for (const file of entriesOf(dir.path)) {
      // A seed in the making belongs to the operation that is pending.
      const isSeed = file === `${INSTANCE_FILES.seed}.new` && !hasPending(examination, name);
      if (isDraft(file) || isSeed) noteDraft(examination, dir.file(file), name);
    }
    for (const file of entriesOf(dir.snapshots)) {
      const path = join(dir.snapshots, file);
      if (isDraft(file)) noteDraft(examination, path, name);
      else if (!/^[0-9]{4,5}\.json$/.test(file)) noteUnknown(examination, path, name);
    }
  }
}

function checkFolders(examination: Examination): void {
  const { layout } = examination;
  const inside = [layout.staging, layout.trash, layout.macs, layout.locks];
  for (const path of layout.folders) {
    const stats = lstatSync(path, { throwIfNoEntry: false });
    if (stats?.isDirectory() === true) continue;
    if (stats === undefined) {
      // Of that table another check tells.
      if (path === layout.macs) continue;
      const message = `the folder "${path}" is missing`;
      const hint = 'It is made again by `multipass doctor --fix`, or by the next change.';
      examination.note('folder-missing', { path, message, hint, mend: sweepStore });
    } else if (!stats.isSymbolicLink() || inside.includes(path)) {
      examination.note('folder-replaced', {
        path,
        message: `"${path}" is ${stats.isSymbolicLink() ? 'a symbolic link' : 'no folder'}`,
        hint: 'Put the folder itself in its place: no work of the store may lead out of it.',
      });
    }
  }
}

function hasPending({ instances }: Examination, name: string): boolean {
  return instances.find((one) => one.name === name)?.reading?.pending !== undefined;
}

/** True for what a killed writer of a record, or of `host`, leaves. */
function isDraft(name: string): boolean {
  return LEFT_OVER_RECORD.test(name) || /^host\.[0-9a-f]{12}\..+$/.test(name);
}

function noteDraft(examination: Examination, path: string, instance?: string): void {
  const age = Date.now() - (lstatSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Infinity);
  if (age < IN_THE_MAKING_MS || makerState(path.replace(/^.*\/host\./, '')) === 'alive') return;
  examination.note('draft-left', {
    instance,
    path,
    message: `"${path}" is what a command that was ended had begun to write`,
    hint: 'It does no harm; `multipass doctor --fix` puts it aside.',
    mend: moveAside(path),
  });
}

function noteUnknown(examination: Examination, path: string, instance?: string): void {
  examination.note('unknown-file', {
    instance,
    path,
    message: `"${path}" is nothing that the store knows`,
    hint: 'Remove it, if you know that you need it no more.',
  });
}
