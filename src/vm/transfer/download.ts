import { open, mkdir, realpath, stat } from 'node:fs/promises';
import { errnoOf } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work } from '../../work.js';
import { bytesOf, folderOf, nameOf, shown, wayTo, type PathLike } from './byte-path.js';
import { isFolder, meaning, transferFailed, type Ends } from './failure.js';
import { LocalFolder } from './local-folder.js';
import { withSftp } from './open-sftp.js';
import { pullBytes, pullFile, type Place, type Pull } from './pull-file.js';
import { pullFolder, pullTree } from './pull-folder.js';
import { kindOf, type Attributes } from './sftp/attributes.js';
import { Tally } from './tally.js';
import { pathOrHere, Target, type Found, type TargetPlan } from './target.js';
import type { TransferOptions, TransferReport } from './transfer-request.js';

/** A file or folder of an instance. */
export interface GuestPath {
  /** Name of the instance, which runs. */
  readonly name: string;
  /** A relative one is in the user's home folder there. */
  readonly path: PathLike;
}

/** What is copied from instances to this host. */
export interface DownloadRequest extends TransferOptions {
  readonly layout: StoreLayout;
  readonly sources: readonly GuestPath[];
  /** A folder, or the name of what is one source alone. */
  readonly target: PathLike;
}

/**
 * Copies files of running instances to this host, with their permissions as far as our umask lets, and never with more
 * than those: no set-user-ID. What a guest says of its files is not believed: none comes to lie outside of the target,
 * and links that would lead out of it are left out, with a warning, as are devices and the like. A file has its name
 * from the moment it is whole; a killed command leaves a `.multipass-….part`. What fails does not keep the rest back.
 * @throws MultipassError TRANSFER_FAILED for a file; SEVERAL for several. DISK_FULL, and what `withSftp`
 *   throws, end all
 */
export async function download(request: DownloadRequest): Promise<TransferReport> {
  const { layout, sources, parents = false } = request;
  const work = Work.of(request.work);
  const tally = new Tally(work);
  const target = new Target(request.target);
  const found = await meaning(target.ends, () => whatIsAt(target.path));
  const plan = target.plan(found, { sources: sources.length, parents });
  await meaning(target.ends, () => makeFolders(plan, target.path));
  const byName = groupsOf(sources);
  for (const [name, paths] of byName) {
    work.begin('transferring', name);
    await withSftp({ layout, name, work }, async (client) => {
      const looked = await lookAtAll({ client, name, tally }, paths);
      if (byName.size === 1) tally.total = sizeOf(looked);
      for (const one of looked) {
        await tally.attempt(() =>
          pullSource({ client, name, tally }, one, { request, plan, found, target }),
        );
      }
    });
  }
  return tally.report();
}

/** What is read from an instance, to be handed on. */
export interface DownloadBytesRequest extends Pick<TransferOptions, 'work'> {
  readonly layout: StoreLayout;
  readonly source: GuestPath;
  /** Gets the bytes, in their order. */
  readonly take: (data: Uint8Array) => Promise<void>;
}

/** Reads a file of a running instance. @throws MultipassError as {@link download}; what `take` throws */
export async function downloadBytes(request: DownloadBytesRequest): Promise<TransferReport> {
  const { layout, source, take } = request;
  const work = Work.of(request.work);
  const tally = new Tally(work);
  const { name } = source;
  work.begin('transferring', name);
  await withSftp({ layout, name, work }, async (client) => {
    const path = Buffer.from('-');
    await tally.attempt(() =>
      pullBytes({ client, name, tally }, bytesOf(source.path), { path, take }),
    );
  });
  return tally.report();
}

interface Looked {
  readonly path: Buffer;
  readonly attributes: Attributes;
}

interface Plan {
  readonly request: DownloadRequest;
  readonly plan: TargetPlan;
  readonly found: Found;
  readonly target: Target;
}

/** What cannot be looked at is told, and left out. */
async function lookAtAll(pull: Pull, sources: readonly GuestPath[]): Promise<Looked[]> {
  const looked: Looked[] = [];
  for (const source of sources) {
    await pull.tally.attempt(async () => {
      const path = pathOrHere(source.path);
      const about = { doing: 'read', path: `${pull.name}:${shown(bytesOf(source.path))}` } as const;
      const ends = { guest: about, host: about };
      looked.push({ path, attributes: await meaning(ends, () => pull.client.stat(path)) });
    });
  }
  return looked;
}

async function pullSource(pull: Pull, { path, attributes }: Looked, to: Plan): Promise<void> {
  const { request, plan, found, target } = to;
  const at = target.placeOf(plan, path);
  const about: Ends['guest'] = { doing: 'read', path: `${pull.name}:${shown(path)}` };
  if (kindOf(attributes) === 'folder') {
    if (request.recursive !== true) throw isFolder(about);
    if (plan.how === 'as' && found !== 'nothing') {
      throw transferFailed(target.ends.host, 'it is no folder');
    }
    if (at !== null) {
      await inPlace(at, target, (place) => pullTree(pull, path, { place, attributes, depth: 0 }));
      return;
    }
    const folder = await meaning(target.ends, () => LocalFolder.open(target.path));
    try {
      await pullFolder(pull, path, { folder, path: target.path, depth: 0 });
    } finally {
      await folder.close();
    }
    return;
  }
  if (at === null) throw transferFailed(about, 'it is no folder');
  if (plan.how === 'as' && found === 'other') {
    await pullInto(pull, path, at);
    return;
  }
  // The user's own link leads to the file that is meant.
  const file = plan.how === 'as' && found === 'file' ? await realpath(at, 'buffer') : at;
  await inPlace(file, target, (place) => pullFile(pull, path, place));
}

async function inPlace(
  at: Buffer,
  target: Target,
  use: (place: Place) => Promise<void>,
): Promise<void> {
  const name = nameOf(at);
  const above = pathOrHere(folderOf(at));
  const folder = await meaning(target.ends, () => LocalFolder.open(above));
  try {
    if (name.length === 0) {
      throw transferFailed(target.ends.host, 'there is no such folder');
    }
    await use({ folder, name, path: at });
  } finally {
    await folder.close();
  }
}

/** A device or a pipe is written to as it is. */
async function pullInto(pull: Pull, from: Buffer, path: Buffer): Promise<void> {
  const about = { doing: 'write', path: shown(path) } as const;
  const file = await meaning({ guest: about, host: about }, () => open(path, 'w'));
  try {
    await pullBytes(pull, from, { path, take: async (data) => await file.writeFile(data) });
  } finally {
    await file.close();
  }
}

async function whatIsAt(path: Buffer): Promise<Found> {
  try {
    const stats = await stat(path);
    return stats.isDirectory() ? 'folder' : stats.isFile() ? 'file' : 'other';
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return 'nothing';
    throw error;
  }
}

async function makeFolders({ make }: TargetPlan, target: Buffer): Promise<void> {
  const folder = make === 'above' ? folderOf(target) : target;
  if (make === undefined || folder.length === 0) return;
  for (const each of wayTo(folder)) {
    try {
      await mkdir(each);
    } catch (error) {
      if (errnoOf(error) !== 'EEXIST') throw error;
    }
  }
}

function sizeOf(looked: readonly Looked[]): number | undefined {
  if (looked.some(({ attributes }) => kindOf(attributes) !== 'file')) return undefined;
  return looked.reduce((sum, { attributes }) => sum + (attributes.size ?? 0), 0);
}

function groupsOf(sources: readonly GuestPath[]): ReadonlyMap<string, readonly GuestPath[]> {
  const groups = new Map<string, GuestPath[]>();
  for (const source of sources) {
    groups.set(source.name, [...(groups.get(source.name) ?? []), source]);
  }
  return groups;
}
