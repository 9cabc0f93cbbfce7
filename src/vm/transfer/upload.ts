import { stat } from 'node:fs/promises';
import { orAborted } from '../../abort.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work } from '../../work.js';
import { folderOf, shown, wayTo, type PathLike } from './byte-path.js';
import { isFolder, meaning, transferFailed } from './failure.js';
import { measure } from './measure.js';
import { withSftp } from './open-sftp.js';
import { pushContent, pushFile, type Push } from './push-file.js';
import { makeFolder, pushContents, pushTree } from './push-folder.js';
import { kindOf } from './sftp/attributes.js';
import { SftpStatusError, type SftpClient } from './sftp/client.js';
import { PIECE, STATUS } from './sftp/protocol.js';
import type { Piece } from './sftp/read-file.js';
import { Tally } from './tally.js';
import { pathOrHere, Target, type Found, type TargetPlan } from './target.js';
import type { TransferOptions, TransferReport } from './transfer-request.js';

/** What is copied from this host to an instance. */
export interface UploadRequest extends TransferOptions {
  readonly layout: StoreLayout;
  /** Name of the instance, which runs. */
  readonly name: string;
  readonly sources: readonly PathLike[];
  /** A folder, or the name of what is one source alone; a relative one is in the user's home folder there. */
  readonly target: PathLike;
}

/**
 * Copies files of this host to a running instance, with their permissions, but for set-user-ID and the like; links are
 * copied as links, but for those that are named themselves. Holes stay holes. A file has its name from the moment it is
 * whole; a killed command leaves a `.multipass-….part`. What fails does not keep the rest back.
 * @throws MultipassError TRANSFER_FAILED for a file; SEVERAL for several; what `withSftp` throws ends all
 */
export async function upload(request: UploadRequest): Promise<TransferReport> {
  const { sources } = request;
  return await toTarget(request, sources.length, async (push, to) => {
    const paths = sources.map(pathOrHere);
    push.tally.total = await measure(paths, push.tally.work.signal);
    for (const path of paths)
      await push.tally.attempt(() => pushSource(push, path, { ...to, request }));
  });
}

/** What is written into a file of an instance. */
export interface UploadBytesRequest extends Omit<UploadRequest, 'sources' | 'recursive'> {
  readonly content: AsyncIterable<Uint8Array>;
}

/** Copies bytes into a file of a running instance. @throws MultipassError as {@link upload}; what the content throws */
export async function uploadBytes(request: UploadBytesRequest): Promise<TransferReport> {
  return await toTarget(request, 1, async (push, { plan, found, target }) => {
    await push.tally.attempt(async () => {
      if (plan.how === 'into') throw isNoFile(target);
      const pieces = new StreamedPieces(request.content, push.tally.work.signal);
      const content = {
        next: () => pieces.next(),
        length: () => pieces.length,
        permissions: undefined,
      };
      const to = await throughLink(push, target, found);
      const place = { to, inPlace: found === 'other' };
      await meaning(target.ends, () => pushContent(push, place, content));
    });
  });
}

interface Plan {
  readonly plan: TargetPlan;
  readonly found: Found;
  readonly target: Target;
}

async function toTarget(
  request: Omit<UploadRequest, 'sources'>,
  sources: number,
  act: (push: Push, plan: Plan) => Promise<void>,
): Promise<TransferReport> {
  const { layout, name, parents = false } = request;
  const work = Work.of(request.work);
  const tally = new Tally(work);
  const target = new Target(request.target, name);
  work.begin('transferring', name);
  await withSftp({ layout, name, work }, async (client) => {
    const push = { client, name, tally };
    const found = await meaning(target.ends, () => whatIsAt(client, target.path));
    const plan = target.plan(found, { sources, parents });
    await meaning(target.ends, () => makeFolders(push, plan, target.path));
    await act(push, { plan, found, target });
  });
  return tally.report();
}

async function pushSource(
  push: Push,
  path: Buffer,
  { plan, found, target, request }: Plan & { readonly request: UploadRequest },
): Promise<void> {
  const about = { doing: 'read', path: shown(path) } as const;
  const stats = await meaning({ guest: about, host: about }, () => stat(path));
  const to = target.placeOf(plan, path);
  if (stats.isDirectory()) {
    if (request.recursive !== true) throw isFolder(about);
    if (plan.how === 'as' && found !== 'nothing') throw isNoFolder(target);
    if (to === null) await pushContents(push, path, { to: target.path, depth: 0 });
    else await pushTree(push, path, { to, depth: 0 });
    return;
  }
  if (to === null) throw isNoFolder(target);
  const isNamed = plan.how === 'as';
  await pushFile(push, path, {
    to: isNamed ? await throughLink(push, target, found) : to,
    follow: true,
    inPlace: isNamed && found === 'other',
  });
}

/** A file that the user has named by a link is the one that the link leads to. */
async function throughLink({ client }: Push, target: Target, found: Found): Promise<Buffer> {
  if (found !== 'file') return target.path;
  return await meaning(target.ends, () => client.realpath(target.path));
}

async function whatIsAt(client: SftpClient, path: Buffer): Promise<Found> {
  try {
    const kind = kindOf(await client.stat(path));
    return kind === 'folder' || kind === 'file' ? kind : 'other';
  } catch (error) {
    const isNothing = error instanceof SftpStatusError && error.status === STATUS.noSuchFile;
    if (isNothing) return 'nothing';
    throw error;
  }
}

async function makeFolders(push: Push, { make }: TargetPlan, target: Buffer): Promise<void> {
  const folder = make === 'above' ? folderOf(target) : target;
  if (make === undefined || folder.length === 0) return;
  for (const each of wayTo(folder)) await makeFolder(push, each, 0o777);
}

function isNoFolder(target: Target): Error {
  return transferFailed(target.ends.host, 'it is no folder');
}

function isNoFile(target: Target): Error {
  return transferFailed(target.ends.host, 'it is a folder', {
    hint: 'Name the file that is to be written.',
  });
}

/** The pieces of a stream, one after the other. */
class StreamedPieces {
  readonly #pieces: AsyncIterator<Uint8Array>;
  readonly #signal: AbortSignal | undefined;
  #rest: Uint8Array = Buffer.alloc(0);
  #end = 0;

  constructor(content: AsyncIterable<Uint8Array>, signal: AbortSignal | undefined) {
    this.#pieces = content[Symbol.asyncIterator]();
    this.#signal = signal;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#end;
  }

  async next(): Promise<Piece | undefined> {
    while (this.#rest.length === 0) {
      const next = await orAborted(this.#pieces.next(), this.#signal);
      if (next.done === true) return undefined;
      this.#rest = next.value;
    }
    const piece = { offset: this.#end, data: this.#rest.subarray(0, PIECE) };
    this.#rest = this.#rest.subarray(piece.data.length);
    this.#end += piece.data.length;
    return piece;
  }
}
