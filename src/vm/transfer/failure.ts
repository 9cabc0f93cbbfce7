import { errnoOf, fromSystemError, hasCode, MultipassError } from '../../errors.js';
import { SftpStatusError } from './sftp/client.js';
import { STATUS } from './sftp/protocol.js';

/** What a failure is about. */
export interface About {
  readonly doing: 'read' | 'write';
  /** The path for people, with the instance before it when it is a guest's: `web:/etc/hosts`. */
  readonly path: string;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EISDIR: 'it is a folder',
  ENOTDIR: 'something there is no folder',
  ELOOP: 'it is a link',
  EEXIST: 'something else is there',
  ENAMETOOLONG: 'the name is too long',
  EPIPE: 'nobody reads it',
  EROFS: 'the file system is read-only',
};

const STATUS_REASONS: ReadonlyMap<number, string | undefined> = new Map([
  [STATUS.noSuchFile, REASONS['ENOENT']],
  [STATUS.permissionDenied, REASONS['EACCES']],
]);

/** One file that could not be copied: TRANSFER_FAILED, with the path and why. */
export function transferFailed(
  { doing, path }: About,
  reason: string,
  { hint, cause }: { readonly hint?: string; readonly cause?: unknown } = {},
): MultipassError {
  return new MultipassError('TRANSFER_FAILED', `cannot ${doing} "${path}": ${reason}`, {
    hint: hint ?? 'Mend what it says, then try again; what was copied before is there.',
    details: { path },
    cause,
  });
}

/** A folder that nobody asked for with all that is in it. */
export function isFolder(about: About): MultipassError {
  const hint = 'Copy folders, with all that is in them, with --recursive.';
  return transferFailed(about, 'it is a folder', { hint });
}

/** The two ends of what is copied. */
export interface Ends {
  /** What is done in the instance. */
  readonly guest: About;
  /** What is done on this host. */
  readonly host: About;
}

/**
 * What an error means that came up while one file was copied. What is about the connection, not about one file, passes
 * unchanged, and so does what has its meaning already.
 */
function meaningOf(error: unknown, { guest, host }: Ends): unknown {
  if (error instanceof SftpStatusError) {
    const words = error.message === '' ? `error ${error.status}` : error.message;
    const reason = STATUS_REASONS.get(error.status) ?? `the instance says: ${words}`;
    return transferFailed(guest, reason, { cause: error });
  }
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof MultipassError) return error;
  const full = fromSystemError(error, host.doing, host.path);
  if (hasCode(full, 'DISK_FULL')) return full;
  // Behind the comma are the call and the paths as we know them, which mean nothing to others.
  const [words] = (error as Error).message.split(',');
  return transferFailed(host, REASONS[errno] ?? words ?? errno, { cause: error });
}

/** Does something for one file, with the meaning of what goes wrong. */
export async function meaning<Result>(ends: Ends, act: () => Promise<Result>): Promise<Result> {
  try {
    return await act();
  } catch (error) {
    throw meaningOf(error, ends);
  }
}

/** A failure after which the rest is not tried. */
export function endOfAll(about: About, reason: string): MultipassError {
  return transferFailed(about, reason).restated({ details: { [ENDS_ALL]: true } });
}

const ENDS_ALL = 'endsAll';

/** Whether the rest may go on after an error: it is about one file. */
export function isAboutOne(error: unknown): error is MultipassError {
  return hasCode(error, 'TRANSFER_FAILED') && error.details[ENDS_ALL] !== true;
}
