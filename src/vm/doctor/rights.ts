import { lstatSync, statSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { geteuid } from 'node:process';
import type { Examination } from './examination.js';
import { entriesOf } from './folder-entries.js';
import { setMode } from './mends.js';

const BY_OTHERS = 0o077;
const WRITABLE_BY_OTHERS = 0o022;

/** What others than the store's owner may do: they may not even read, and above all not write. */
export function checkRights(examination: Examination): void {
  const { layout } = examination;
  checkRootsOwner(examination);
  const own = (path: string, instance?: string): void =>
    checkOne(examination, { path, instance, forbidden: BY_OTHERS });
  own(layout.root);
  for (const folder of [...layout.folders, layout.network]) own(folder);
  for (const key of entriesOf(layout.keys)) own(join(layout.keys, key));
  // Behind folders that are shut the rest may be read by nobody, so that only writers matter.
  const shut = (path: string, instance?: string): void =>
    checkOne(examination, { path, instance, forbidden: WRITABLE_BY_OTHERS });
  for (const name of ['store.json', 'settings.json', 'aliases.json', 'bin']) {
    shut(join(layout.root, name));
  }
  for (const { name, dir } of examination.instances) {
    shut(dir.path, name);
    for (const file of entriesOf(dir.path)) shut(dir.file(file), name);
  }
  for (const folder of entriesOf(layout.images).map((id) => join(layout.images, id))) {
    shut(folder);
    for (const file of entriesOf(folder)) shut(join(folder, file));
  }
}

interface Place {
  readonly path: string;
  readonly instance: string | undefined;
  /** The bits that nobody else may have. */
  readonly forbidden: number;
}

function checkOne(examination: Examination, { path, instance, forbidden }: Place): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  // The mode of a link means nothing.
  if (stats === undefined || stats.isSymbolicLink()) return;
  checkOwner(examination, { path, instance, stats });
  const open = stats.mode & forbidden;
  if (open === 0) return;
  const canWrite = (open & WRITABLE_BY_OTHERS) !== 0;
  examination.note(canWrite ? 'open-to-writers' : 'open-to-readers', {
    path,
    instance,
    message: `others than its owner may ${canWrite ? 'change' : 'read'} "${path}" (mode ${octal(stats)})`,
    hint: `Close it to them: chmod ${forbidden === BY_OTHERS ? 'go-rwx' : 'go-w'} '${path}'`,
    mend: setMode(path, stats.mode & 0o7777 & ~forbidden),
  });
}

function checkOwner(
  examination: Examination,
  { path, instance, stats }: Pick<Place, 'path' | 'instance'> & { readonly stats: Stats },
): void {
  const owner = statSync(examination.layout.root).uid;
  if (stats.uid === owner) return;
  examination.note('other-owner', {
    path,
    instance,
    message: `"${path}" belongs to the user with the id ${stats.uid}, and the store to ${owner}`,
    hint: `Give it back to the owner of the store: sudo chown ${owner} '${path}'`,
  });
}

/** Once for the whole store: all of it is its owner's, who may be somebody else than we. */
function checkRootsOwner(examination: Examination): void {
  const { root } = examination.layout;
  const { uid } = statSync(root);
  const us = geteuid?.();
  if (us === undefined || uid === us) return;
  examination.note('other-owner', {
    path: root,
    message: `the store "${root}" belongs to the user with the id ${uid}, and this command runs as ${us}`,
    hint: `Run the command as that user: sudo -u '#${uid}' …`,
  });
}

function octal({ mode }: Stats): string {
  return (mode & 0o7777).toString(8).padStart(4, '0');
}
