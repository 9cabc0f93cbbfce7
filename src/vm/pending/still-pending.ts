import { fromSystemError, MultipassError } from '../../errors.js';
import type { DiskStep } from '../records/pending-record.js';

/** What an operation in place is called before its user. */
const CALLED: Readonly<Record<DiskStep['operation'], string>> = {
  rewrite: 'the change',
  snapshot: 'the snapshot',
  restore: 'the restore',
  'delete-snapshot': 'the deletion of a snapshot',
  resize: 'the change of the size',
  rebase: 'the change of the disk',
  freeze: 'the live clone',
  still: 'the live clone',
  'live-snapshot': 'the snapshot',
  'live-delete': 'the deletion of a snapshot',
};

/** In words, what is pending of an instance, and what will become of it. */
export function pendingNote(name: string, operation: DiskStep['operation']): string {
  return (
    `${CALLED[operation]} of "${name}" is on record and not finished: ` +
    'the next command that starts, clones or changes it finishes it'
  );
}

/**
 * The error of an operation that failed after its commit point: it is not undone, and the user is not to begin it
 * again. What is no error of the world passes unchanged.
 */
export function stillPending(
  error: unknown,
  { name, operation }: { readonly name: string; readonly operation: DiskStep['operation'] },
): unknown {
  const cause = fromSystemError(error, 'go on');
  if (!(cause instanceof MultipassError)) return error;
  const { message, hint, details } = cause;
  // It may have failed a second time, in the command that wanted to finish it.
  if (details['pending'] === operation) return cause;
  return cause.restated({
    message: `${message}; ${pendingNote(name, operation)}`,
    hint: `${hint === undefined ? '' : `${hint} `}Nothing is lost: \`multipass start ${name}\`, for one, finishes it.`,
    details: { pending: operation },
  });
}
