import { constants } from 'node:os';
import { remedyOf } from './remedy.js';

/**
 * Every failure a user can meet, by what it means to them. A closed list, so that callers can branch on it
 * and a test can name it; messages may be reworded, codes may not.
 */
export type ErrorCode =
  // arguments and names
  | 'USAGE'
  | 'INVALID_NAME'
  | 'INVALID_ARGUMENT'
  // instances
  | 'INSTANCE_NOT_FOUND'
  | 'INSTANCE_DELETED'
  | 'INSTANCE_BROKEN'
  | 'INSTANCE_IS_COPY'
  | 'INSTANCE_NOT_STOPPED'
  | 'INSTANCE_CHANGED'
  | 'NAME_TAKEN'
  | 'NAME_IN_PREPARATION'
  | 'INSTANCE_NOT_RUNNING'
  | 'INSTANCE_SUSPENDED'
  | 'SNAPSHOT_NOT_FOUND'
  | 'SNAPSHOT_EXISTS'
  // the store
  | 'RECORD_INVALID'
  | 'STORE_TOO_NEW'
  | 'STORE_READ_ONLY'
  | 'STORE_NOT_PRIVATE'
  | 'STORE_OF_ANOTHER_HOST'
  | 'LOCK_LOST'
  | 'NOT_DURABLE'
  | 'DISK_FULL'
  | 'PERMISSION_DENIED'
  // contents of an instance
  | 'DISK_INVALID'
  | 'DISK_IN_USE'
  | 'ISO_INVALID'
  | 'SEED_INVALID'
  | 'MAC_INVALID'
  | 'MAC_EXHAUSTED'
  // images
  | 'IMAGE_NOT_FOUND'
  | 'IMAGE_INVALID'
  | 'REMOTE_UNKNOWN'
  | 'DOWNLOAD_FAILED'
  // settings
  | 'SETTING_UNKNOWN'
  | 'SETTING_INVALID'
  // mounts
  | 'MOUNT_FAILED'
  | 'MOUNT_EXISTS'
  | 'MOUNT_NOT_FOUND'
  // ports of the host
  | 'FORWARD_NOT_FOUND'
  // what travels
  | 'ARTIFACT_INVALID'
  | 'BASE_NOT_FOUND'
  | 'IDENTITY_TAKEN'
  | 'REFERENCE_NOT_FOUND'
  | 'REFERENCE_TAKEN'
  | 'REGISTRY_DENIED'
  | 'REGISTRY_FAILED'
  // files that are copied
  | 'TRANSFER_FAILED'
  // networks
  | 'NETWORK_NOT_FOUND'
  | 'NETWORK_UNAVAILABLE'
  | 'NETWORK_FAILED'
  | 'MAC_TAKEN'
  // machines and guests
  | 'ACCELERATOR_UNAVAILABLE'
  | 'QEMU_FAILED'
  | 'PORT_TAKEN'
  | 'QMP_FAILED'
  | 'GUEST_SILENT'
  | 'GUEST_UNFIT'
  | 'RENEWAL_FAILED'
  | 'MEMORY_SHORT'
  | 'CONSOLE_UNAVAILABLE'
  | 'HOST_KEY_CHANGED'
  | 'SSH_FAILED'
  | 'COMMAND_NOT_RUN'
  | 'COMMAND_FAILED'
  | 'TIMED_OUT'
  // the outside
  | 'LEGACY_NOT_FOUND'
  | 'LEGACY_INVALID'
  | 'TOOL_MISSING'
  | 'TOOL_FAILED'
  | 'SANDBOX_UNAVAILABLE'
  | 'IO_ERROR'
  | 'ABORTED'
  | 'SEVERAL';

/**
 * Failures whose message is all there is to say: the command line is shown beside it, the user has asked for it, or
 * every failure that it is made of has a hint of its own.
 */
export type PlainCode = 'USAGE' | 'ABORTED' | 'SEVERAL';

/** What accompanies the message of a {@link MultipassError}. */
export interface ErrorContext {
  /** What to do now, in an imperative sentence; command lines in backticks, of which `remedy` makes calls. */
  readonly hint: string;
  /** Names and paths for `--format json` and for tests; `lines` are further lines of the message. */
  readonly details?: Readonly<Record<string, unknown>> | undefined;
  /** What was behind it. */
  readonly cause?: unknown;
}

/** What may accompany the message of an error with a {@link PlainCode}. */
export interface PlainContext extends Omit<ErrorContext, 'hint'> {
  /** As that of an {@link ErrorContext}. */
  readonly hint?: string | undefined;
}

/**
 * The one error that a user can reach. The message names the thing and the path, is lower case, quotes names,
 * and has no full stop; the hint says what to do, and is there for every code but `USAGE`, `ABORTED` and `SEVERAL`. A
 * plain `Error` anywhere in this project means a bug.
 */
export class MultipassError extends Error {
  /** Of the class. */
  override readonly name: string = 'MultipassError';
  /** What it means, for programs to branch on. */
  readonly code: ErrorCode;
  /** What to do, in an imperative sentence, by command lines. */
  readonly hint: string | undefined;
  /** Names, paths and numbers, for programs. */
  readonly details: Readonly<Record<string, unknown>>;

  /** @internal */
  constructor(code: PlainCode, message: string, context?: PlainContext);
  /** @internal */
  constructor(code: ErrorCode, message: string, context: ErrorContext);
  constructor(code: ErrorCode, message: string, context: PlainContext = {}) {
    super(message, context.cause === undefined ? undefined : { cause: context.cause });
    this.code = code;
    this.hint = context.hint;
    this.details = context.details ?? {};
  }

  /** What to do, as {@link MultipassError.hint} has it, by calls: of `store` and of `vm`, which the message names. */
  get remedy(): string | undefined {
    return this.hint === undefined ? undefined : remedyOf(this.hint);
  }

  /** What `JSON.stringify` writes of it: an `Error` of its own accord would write nothing but the code. */
  toJSON(): Pick<MultipassError, 'name' | 'code' | 'message' | 'hint' | 'details'> {
    const { name, code, message, hint, details } = this;
    return { name, code, message, hint, details };
  }

  /** @internal The same failure in other words, or with more details. Code and cause stay. */
  restated(change: {
    readonly message?: string;
    readonly hint?: string;
    readonly details?: Readonly<Record<string, unknown>>;
  }): MultipassError {
    const { cause, details } = this;
    const hint = change.hint ?? this.hint;
    const context: PlainContext = { hint, cause, details: { ...details, ...change.details } };
    // What was made without a hint has a code that needs none.
    return new MultipassError(this.code as PlainCode, change.message ?? this.message, context);
  }
}

/** Something is visible, but a power cut may take it away again. */
export class NotDurableError extends MultipassError {
  override readonly name = 'NotDurableError';

  /** @param what what is visible, as in "… is there", and what it is called in the hint */
  constructor(what: string, thing: 'instance' | 'image', cause: unknown) {
    super('NOT_DURABLE', `${what}, but the disk did not confirm it: ${(cause as Error).message}`, {
      hint: `Look after that disk; the ${thing} may be missing after a power cut.`,
      cause,
    });
  }
}

/**
 * Whether an error is Multipass's own with one of these codes. It narrows one way only: an error that has
 * none of them may still be a {@link MultipassError}.
 */
export function hasCode<Code extends ErrorCode>(
  error: unknown,
  ...codes: readonly [Code, ...Code[]]
): error is MultipassError & { readonly code: Code } {
  return error instanceof MultipassError && (codes as readonly ErrorCode[]).includes(error.code);
}

/** Where in a record something is wrong. */
export interface RecordFault {
  /** The file, as the user would open it. */
  readonly path: string;
  /** JSON pointer (RFC 6901) to the place in the file; `''` is the whole document. */
  readonly at: string;
}

/** A record that cannot be read: names the file and the place in it. */
export class RecordError extends MultipassError {
  /** Of the class. */
  override readonly name = 'RecordError';
  /** Which file, and where in it. */
  readonly fault: RecordFault;

  /** @internal */
  constructor(fault: RecordFault, problem: string, context: Partial<ErrorContext> = {}) {
    const place = fault.at === '' ? '' : ` at ${fault.at}`;
    super('RECORD_INVALID', `cannot read "${fault.path}"${place}: ${problem}`, {
      hint: 'Repair the file by hand, or put back a copy of it; nothing was changed.',
      ...context,
      details: { ...fault, ...context.details },
    });
    this.fault = fault;
  }
}

/** A program that ran and failed. */
export class ExecError extends MultipassError {
  /** Of the class. */
  override readonly name = 'ExecError';
  /** Undefined when a signal ended it. */
  readonly exitCode: number | undefined;
  /** What it wrote there. */
  readonly stderr: string;

  /** @internal */
  constructor(
    message: string,
    result: { exitCode: number | undefined; stderr: string },
    context: ErrorContext,
  ) {
    super('TOOL_FAILED', message, context);
    this.exitCode = result.exitCode;
    this.stderr = result.stderr;
  }
}

/** The `code` of a Node system error (`'ENOENT'`, …), or undefined for anything else. */
export function errnoOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  // Node has no name for a full quota: its code is "Unknown system error -122".
  if ('errno' in error && error.errno === -constants.errno.EDQUOT) return 'EDQUOT';
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * Gives a system error its meaning for a user; everything that is no system error passes unchanged.
 * @param doing what was being done, for the message: `copy the disk of "web"`
 */
export function fromSystemError(error: unknown, doing: string, path?: string): unknown {
  const errno = errnoOf(error);
  if (errno === undefined || error instanceof MultipassError) return error;
  const where = path === undefined ? '' : ` ("${path}")`;
  const context = { cause: error, details: { errno, ...(path === undefined ? {} : { path }) } };
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new MultipassError('DISK_FULL', `no space left to ${doing}${where}`, {
        ...context,
        hint: 'Free some space, for example with `multipass purge`, then try again.',
      });
    case 'EROFS':
      return new MultipassError(
        'STORE_READ_ONLY',
        `cannot ${doing}: read-only file system${where}`,
        {
          ...context,
          hint: 'Mount the file system for writing, or set MULTIPASS_STORAGE to another folder.',
        },
      );
    case 'EACCES':
    case 'EPERM':
      return new MultipassError('PERMISSION_DENIED', `not permitted to ${doing}${where}`, {
        ...context,
        hint: 'Look at the owner and the mode of that path; the store belongs to one user.',
      });
    default:
      return new MultipassError(
        'IO_ERROR',
        `cannot ${doing}${where}: ${(error as Error).message}`,
        { ...context, hint: 'Look at that path and at the disk that it is on, then try again.' },
      );
  }
}
