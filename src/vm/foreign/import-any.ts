import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';
import { TAR_BLOCK } from '../../files/tar/tar-header.js';
import { withStagedFolder } from '../../store/staged-folder.js';
import { Work } from '../../work.js';
import { requireNameIsFree } from '../free-name.js';
import { prepareStore } from '../sweep.js';
import { adoptFolder } from '../travel/adopt-folder.js';
import { looksLikeInstance } from '../travel/examine-folder.js';
import { importInstance, requireUser } from '../travel/import-instance.js';
import type { ImportReport, ImportRequest } from '../travel/import-request.js';
import { importForeign } from './import-foreign.js';
import { park, peek } from './park-stream.js';
import {
  beginsOurs,
  parkedIn,
  recogniseFile,
  recogniseFolder,
  type Recognised,
  type RecogniseRequest,
} from './recognise.js';

/** What bytes are called that come by no name. */
const STREAM = 'standard input';

/**
 * Makes an instance of whatever comes: an archive of ours, which a stream of is read as it comes, an instance's folder
 * that was copied by hand, or a machine of another program, which is told by its content. What is none is refused, and
 * nothing of it is kept.
 * @throws MultipassError as `importInstance`, `adoptFolder` and `importForeign`
 */
export async function importAny(request: ImportRequest): Promise<ImportReport> {
  const { from, layout, name } = request;
  const work = Work.of(request.work);
  requireUser(request.user);
  if (typeof from === 'object' && 'artifact' in from)
    return await importInstance({ ...request, work });
  if (typeof from !== 'string') return await importStream({ ...request, work }, from, work);
  const kind = await kindOf(from);
  if (kind === 'stream') {
    const bytes = createReadStream(from, { highWaterMark: 1024 ** 2 });
    return await importStream({ ...request, work }, bytes as AsyncIterable<Uint8Array>, work);
  }
  await prepareStore(layout);
  if (name !== undefined) await requireNameIsFree(layout, name);
  if (kind === 'folder' && looksLikeInstance(from)) {
    return await adoptFolder({ ...request, work }, from);
  }
  return await inFolder({ ...request, work }, from, (folder) => {
    const wanted = { path: from, origin: from, folder, as: request.imageFormat, work };
    return kind === 'folder' ? recogniseFolder(wanted) : recogniseFile(wanted);
  });
}

async function kindOf(path: string): Promise<'file' | 'folder' | 'stream'> {
  try {
    const there = await stat(path);
    return there.isDirectory() ? 'folder' : there.isFile() ? 'file' : 'stream';
  } catch (error) {
    throw fromSystemError(error, 'read the archive', path);
  }
}

async function importStream(
  request: ImportRequest,
  from: AsyncIterable<Uint8Array>,
  work: Work,
): Promise<ImportReport> {
  const { layout, name, imageFormat: as } = request;
  await prepareStore(layout);
  if (name !== undefined) await requireNameIsFree(layout, name);
  const { start, all } = await peek(from, TAR_BLOCK, work);
  if (beginsOurs(start) || start.length === 0) {
    return await importInstance({ ...request, from: all });
  }
  return await inFolder(request, STREAM, async (folder) => {
    const path = parkedIn(folder);
    await park(all, path, work);
    const wanted: RecogniseRequest = { path, origin: STREAM, folder, as, work };
    return await recogniseFile(wanted);
  });
}

/** Takes it apart in a folder of its own, which is gone at the end. */
async function inFolder(
  request: ImportRequest,
  origin: string,
  recognise: (folder: string) => Promise<Recognised>,
): Promise<ImportReport> {
  const work = Work.of(request.work);
  const { layout } = request;
  const what = { doing: `import "${origin}"`, path: layout.staging };
  return await withStagedFolder(layout, what, async (folder) => {
    work.begin('importing', request.name ?? null);
    const found = await recognise(folder);
    if ('artifact' in found) return await importInstance({ ...request, from: found.artifact });
    return await importForeign({ request, machine: found.machine, origin, work });
  });
}
