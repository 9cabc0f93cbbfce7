import { createReadStream } from 'node:fs';
import { orAborted, throwIfAborted } from '../../abort.js';
import { fromSystemError, hasCode, MultipassError } from '../../errors.js';
import { absolutePath } from '../../files/absolute-path.js';
import { fetchSmall, type HttpOptions } from '../../http/request.js';

/** cloud-init's own limit is far below. */
const LARGEST = 16 * 1024 * 1024;

/** How long a server may take for all of it. */
const DEADLINE_MS = 60_000;

/** How user-data is read. */
export interface UserDataOptions extends Pick<HttpOptions, 'signal' | 'deadlineMs'> {
  readonly stdin: () => Promise<Buffer>;
}

/**
 * Reads what the user wants of cloud-init: from a file, from a URL, or with `-` from stdin. It is bytes, for not every
 * format of it is text.
 * @throws MultipassError INVALID_ARGUMENT naming the source, when it cannot be read or is too large; ABORTED
 */
export async function readUserData(source: string, options: UserDataOptions): Promise<Buffer> {
  try {
    const data = await read(source, options);
    if (data.length > LARGEST) throw new Error(`larger than ${LARGEST} bytes`);
    return data;
  } catch (error) {
    throwIfAborted(options.signal);
    const cause = fromSystemError(error, 'read', source);
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `cannot load "${source}": ${(cause as Error).message}`,
      {
        hint: 'Name a file, a URL, or - for standard input.',
        cause,
        details: { source },
      },
    );
  }
}

async function read(
  source: string,
  { stdin, signal, deadlineMs = DEADLINE_MS }: UserDataOptions,
): Promise<Buffer> {
  if (source === '-') return await orAborted(stdin(), signal);
  if (!/^https?:\/\//i.test(source))
    return await orAborted(readFileOrPipe(absolutePath(source)), signal);
  try {
    const url = new URL(source);
    return await fetchSmall({ url, signal, deadlineMs }, LARGEST);
  } catch (error) {
    const status = hasCode(error, 'DOWNLOAD_FAILED') ? error.details['status'] : undefined;
    if (typeof status !== 'number') throw error;
    throw new Error(`the server answered ${status}`, { cause: error });
  }
}

/** It may be a pipe that the shell made, `<(…)`, and so is waited for; one byte too many tells what is too large. */
async function readFileOrPipe(path: string): Promise<Buffer> {
  const pieces: Buffer[] = [];
  for await (const piece of createReadStream(path, { end: LARGEST })) pieces.push(piece as Buffer);
  return Buffer.concat(pieces);
}
