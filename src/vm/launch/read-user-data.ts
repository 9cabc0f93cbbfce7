import { readFile } from 'node:fs/promises';
import { throwIfAborted } from '../../abort.js';
import { fromSystemError, MultipassError } from '../../errors.js';

/** cloud-init's own limit is far below. */
const LARGEST = 16 * 1024 * 1024;

/**
 * Reads what the user wants of cloud-init: from a file, from a URL, or with `-` from stdin.
 * @throws MultipassError INVALID_ARGUMENT naming the source, when it cannot be read or is too large; ABORTED
 */
export async function readUserData(
  source: string,
  options: { stdin: () => Promise<string>; signal?: AbortSignal | undefined },
): Promise<string> {
  try {
    const text = await read(source, options);
    if (Buffer.byteLength(text) > LARGEST) throw new Error(`larger than ${LARGEST} bytes`);
    return text;
  } catch (error) {
    throwIfAborted(options.signal);
    const cause = fromSystemError(error, 'read', source);
    throw new MultipassError(
      'INVALID_ARGUMENT',
      `error loading cloud-init config from "${source}": ${(cause as Error).message}`,
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
  { stdin, signal }: { stdin: () => Promise<string>; signal?: AbortSignal | undefined },
): Promise<string> {
  if (source === '-') return await stdin();
  if (!/^https?:\/\//.test(source)) return await readFile(source, 'utf8');
  const response = await fetch(source, signal === undefined ? {} : { signal });
  if (!response.ok) throw new Error(`the server answered ${response.status}`);
  return await response.text();
}
