import { existsSync } from 'node:fs';
import { throwIfAborted } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { recordText, replaceRecord } from '../../files/record.js';
import { finishPending } from './finish-pending.js';
import { stillPending } from './still-pending.js';
import { encodePending, type PendingOperation } from '../records/pending-record.js';

/** What can be read back: a record that is longer counts as damaged. */
const LONGEST_RECORD = 4 * 1024 * 1024;

/**
 * Does an operation that changes an instance in place. The intention is written down first, atomically and durably:
 * that is the commit point. Killed before it, nothing has happened; after it, the next command that opens the instance
 * finishes it. The caller holds the instance's exclusive lock, nothing is pending, and has made sure that the step can
 * be done ({@link requireChangeableDisk}): one that cannot would be pending for ever.
 * @throws MultipassError TOOL_FAILED, DISK_FULL, ABORTED, … after it: the operation stays pending then, which the
 *   message says, and `details.pending` names it
 * @throws MultipassError ABORTED before the commit point, INVALID_ARGUMENT for records too long to be written down
 */
export async function performOperation(
  dir: InstanceDir,
  operation: PendingOperation,
  signal?: AbortSignal,
): Promise<void> {
  const intention = encodePending(operation);
  if (Buffer.byteLength(recordText(intention)) >= LONGEST_RECORD) throw tooLong(dir);
  throwIfAborted(signal);
  try {
    await replaceRecord(dir.pending, intention);
    await finishPending(dir, operation, signal);
  } catch (error) {
    // Until it is written down, and once it is finished, nothing is pending.
    if (!existsSync(dir.pending)) throw error;
    throw stillPending(error, { name: dir.name, operation: operation.step.operation });
  }
}

function tooLong(dir: InstanceDir): MultipassError {
  return new MultipassError(
    'INVALID_ARGUMENT',
    `the records of "${dir.name}" are too long to be changed at once`,
    { hint: 'Make the comments of its snapshots shorter, then try again.' },
  );
}
