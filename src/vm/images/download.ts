import { rm } from 'node:fs/promises';
import { fromSystemError, MultipassError, hasCode } from '../../errors.js';
import { log } from '../../log.js';
import type { Work } from '../../work.js';
import { requireSpace, spaceLeft } from '../disks/free-space.js';
import { downloadFailed, refusedBy } from '../../http/http-error.js';
import { contentLength, request, type HttpAnswer, type HttpOptions } from '../../http/request.js';
import { PartFile, type WantedFile } from './part-file.js';

/** How a file is downloaded. */
export interface DownloadOptions extends Pick<HttpOptions, 'stallMs'> {
  readonly wanted: WantedFile;
  /** Where to; the caller alone is at it. What is there already is gone on with. */
  readonly part: string;
  /** Goes through the phases `retrieving` and, when there is a hash, `verifying`. */
  readonly work: Work;
  /** How long to wait after the connection was cut, in milliseconds. Default: a second. */
  readonly retryMs?: number | undefined;
}

/** How often a download that was cut is gone on with at once, before that is left to the user. */
const ATTEMPTS = 3;

/**
 * Downloads a file, going on where an earlier attempt ended: of this call, of another one, or of a killed process.
 * What has come stays when this fails, unless it is wrong. When it returns, the part file is whole, and verified if
 * there is a hash; it is not yet synced.
 * @throws MultipassError DOWNLOAD_FAILED; IMAGE_INVALID when it is not what was promised (nothing is kept then);
 *   DISK_FULL, ABORTED, PERMISSION_DENIED, IO_ERROR
 */
export async function download(options: DownloadOptions): Promise<void> {
  const { wanted, part } = options;
  const file = await PartFile.open(part, wanted);
  try {
    const resumed = file.length > 0;
    await fetchAll(file, options);
    if (isRight(file, options)) return;
    if (resumed) {
      // What was there was of another file, or of a machine that lost its power: once more, from nothing.
      await file.reset();
      await fetchAll(file, options);
      if (isRight(file, options)) return;
    }
    throw new MultipassError('IMAGE_INVALID', `the hash of "${wanted.url.href}" does not match`, {
      hint: 'Try again, or from another server; nothing was kept of it.',
      details: { url: wanted.url.href, expected: wanted.sha256, found: file.digest() },
    });
  } catch (error) {
    if (hasCode(error, 'IMAGE_INVALID')) {
      await rm(part, { force: true });
    }
    throw fromSystemError(error, 'keep what is downloaded', part);
  } finally {
    await file.close();
  }
}

function isRight(file: PartFile, { wanted, work }: DownloadOptions): boolean {
  if (wanted.sha256 === null) return true;
  work.begin('verifying');
  return file.digest() === wanted.sha256;
}

async function fetchAll(file: PartFile, options: DownloadOptions): Promise<void> {
  const { wanted, work, retryMs = 1000 } = options;
  work.begin('retrieving');
  for (let attempt = 1; file.length !== wanted.size; attempt += 1) {
    const answer = await askForRest(file, options);
    try {
      await receive(file, answer, options);
      return;
    } catch (error) {
      if (!hasCode(error, 'DOWNLOAD_FAILED')) throw error;
      if (attempt >= ATTEMPTS) throw error;
      log('info', 'images', `${error.message}; going on with it`);
      if (!file.mayResume) await file.reset();
      await work.sleep(retryMs);
    }
  }
}

/** An answer that begins where the file ends; the file is emptied when the server begins anew. */
async function askForRest(file: PartFile, options: DownloadOptions): Promise<HttpAnswer> {
  const { wanted, work, stallMs } = options;
  const { url, validator } = wanted;
  const { signal } = work;
  if (file.length > 0) {
    const range = { range: `bytes=${file.length}-` };
    const headers = validator === null ? range : { ...range, 'if-range': validator };
    const answer = await request({ url, headers, signal, stallMs });
    if (answer.status === 206 && startOf(answer) === file.length) return answer;
    await file.reset();
    if (answer.status === 200) return answer;
    answer.cancel();
    if (answer.status !== 206 && answer.status !== 416) {
      throw refusedBy(url, answer.status, answer.statusText);
    }
  }
  const answer = await request({ url, signal, stallMs });
  if (answer.status === 200) return answer;
  answer.cancel();
  throw refusedBy(url, answer.status, answer.statusText);
}

async function receive(
  file: PartFile,
  answer: HttpAnswer,
  options: DownloadOptions,
): Promise<void> {
  const { wanted, part, work } = options;
  const rest = contentLength(answer);
  const total = rest === null ? wanted.size : file.length + rest;
  if (total !== null && wanted.size !== null && total !== wanted.size) {
    answer.cancel();
    throw wrongSize(wanted, `it has ${total} bytes`);
  }
  if (total !== null) await requireSpace(part, total - file.length);
  const tell = (): void => {
    if (total !== null) work.advance(file.length / total);
  };
  tell();
  // Who does not say how much there is may send for ever.
  const limit = file.length + (total === null ? await spaceLeft(part) : Infinity);
  for await (const chunk of answer.body()) {
    if (file.length + chunk.length > limit) {
      await file.reset();
      throw noRoom(wanted, part);
    }
    await file.append(chunk);
    if (total !== null && file.length > total) throw wrongSize(wanted, 'it does not end there');
    tell();
  }
  if (total !== null && file.length < total) {
    throw downloadFailed(wanted.url, `it ends after ${file.length} of ${total} bytes`);
  }
}

function noRoom({ url }: WantedFile, part: string): MultipassError {
  return new MultipassError(
    'DISK_FULL',
    `no space left for "${url.href}", of which no size is known`,
    {
      hint: 'Free some space, for example with `multipass purge`, then try again; nothing was kept of it.',
      details: { url: url.href, path: part },
    },
  );
}

function wrongSize(wanted: WantedFile, found: string): MultipassError {
  const { url, size } = wanted;
  const promise = size === null ? 'is longer than announced' : `should have ${size} bytes`;
  return new MultipassError('IMAGE_INVALID', `"${url.href}" ${promise}, but ${found}`, {
    hint: 'Try again, or from another server; nothing was kept of it.',
    details: { url: url.href, size },
  });
}

/** Where the part begins that an answer 206 brings. */
function startOf(answer: HttpAnswer): number | undefined {
  const start = /^bytes (\d{1,15})-/.exec(answer.header('content-range') ?? '')?.[1];
  return start === undefined ? undefined : Number(start);
}
