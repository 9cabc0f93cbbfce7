import { atOnce } from '../../at-once.js';
import { FILES_AT_ONCE } from './files-at-once.js';
import { shown, within } from './byte-path.js';
import { meaning } from './failure.js';
import { leadsOutside } from './leads-outside.js';
import type { LocalFolder } from './local-folder.js';
import { endsOf, pullFile, type Place, type Pull } from './pull-file.js';
import { kindOf, permissionsOf, type Attributes } from './sftp/attributes.js';
import type { Entry } from './sftp/client.js';

/** More names than that no folder has. */
const MOST_NAMES = 500_000;

/** What a folder may be used for whose permissions the guest does not tell. */
const USUAL = 0o755;

/** Copies what is in a folder of a guest into an open one of this host. @param depth folders above it in its tree */
export async function pullFolder(
  pull: Pull,
  from: Buffer,
  to: { readonly folder: LocalFolder; readonly path: Buffer; readonly depth: number },
): Promise<void> {
  const { client, tally } = pull;
  const ends = endsOf(pull, from, to.path);
  const entries = await meaning(ends, () => client.list(from, MOST_NAMES));
  const isFile = ({ attributes }: Entry): boolean => kindOf(attributes) === 'file';
  const copy = async (entry: Entry): Promise<void> => {
    const source = within(from, entry.name);
    tally.enter(`${pull.name}:${shown(source)}`, to.depth);
    const place = { folder: to.folder, name: entry.name, path: within(to.path, entry.name) };
    await tally.attempt(() => pullEntry(pull, { source, entry, place, depth: to.depth }));
  };
  await atOnce(entries.filter(isFile), FILES_AT_ONCE, copy);
  for (const entry of entries) if (!isFile(entry)) await copy(entry);
}

/** Copies a folder of a guest to a place, where there may be one already. @throws as {@link pullFile} */
export async function pullTree(
  pull: Pull,
  from: Buffer,
  { place, attributes, depth }: { place: Place; attributes: Attributes; depth: number },
): Promise<void> {
  const permissions = permissionsOf(attributes) ?? USUAL;
  const ends = endsOf(pull, from, place.path);
  const entered = await meaning(ends, () => place.folder.enter(place.name, permissions));
  const { folder, isNew } = entered;
  try {
    await pullFolder(pull, from, { folder, path: place.path, depth });
    if (isNew) await meaning(ends, () => folder.restrictTo(permissions));
  } finally {
    await folder.close();
  }
  pull.tally.copied('folder');
}

interface Found {
  readonly source: Buffer;
  readonly entry: Entry;
  readonly place: Place;
  readonly depth: number;
}

async function pullEntry(pull: Pull, { source, entry, place, depth }: Found): Promise<void> {
  const { client, tally, name } = pull;
  const ends = endsOf(pull, source, place.path);
  const known = kindOf(entry.attributes);
  const attributes =
    known === 'unknown' ? await meaning(ends, () => client.lstat(source)) : entry.attributes;
  switch (kindOf(attributes)) {
    case 'file':
      await pullFile(pull, source, place);
      return;
    case 'folder':
      await pullTree(pull, source, { place, attributes, depth: depth + 1 });
      return;
    case 'link': {
      const target = await meaning(ends, () => client.readlink(source));
      if (leadsOutside(target, depth)) {
        tally.work.warn(
          `"${name}:${shown(source)}" was left out: it is a link to "${shown(target)}", which leads out of the copy`,
        );
        return;
      }
      await meaning(ends, () => place.folder.makeLink(place.name, target));
      tally.copied('link');
      return;
    }
    default:
      tally.work.warn(`"${name}:${shown(source)}" was left out: it is no file, folder or link`);
  }
}
