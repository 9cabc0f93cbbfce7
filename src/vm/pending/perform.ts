import type { InstanceDir } from '../../store/instance-dir.js';
import { replaceRecord } from '../../store/write-record.js';
import { finishPending } from './finish-pending.js';
import { encodePending, type PendingOperation } from './pending-record.js';

/**
 * Does an operation that changes a head in place. The intention is written down first, atomically and durably: that is
 * the commit point. Killed before it, nothing has happened; after it, the next command that opens the instance finishes
 * it. The caller holds the instance's exclusive lock, and nothing is pending.
 * @throws MultipassError TOOL_FAILED, DISK_FULL, …; the operation stays pending then
 */
export async function performOperation(
  dir: InstanceDir,
  operation: PendingOperation,
  signal?: AbortSignal,
): Promise<void> {
  await replaceRecord(dir.pending, encodePending(operation));
  await finishPending(dir, operation, signal);
}
