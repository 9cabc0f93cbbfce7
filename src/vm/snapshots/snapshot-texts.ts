import { MultipassError } from '../../errors.js';
import { isValidName } from '../names.js';
import type { SnapshotRecord } from '../records/snapshot-record.js';

/** Longer is no comment, and records have to stay small. */
const LONGEST_COMMENT = 64 * 1024;

/** @throws MultipassError INVALID_NAME with Multipass's text */
export function requireSnapshotName(name: string): void {
  if (isValidName(name)) return;
  throw new MultipassError('INVALID_NAME', `Invalid snapshot name: "${name}".`, {
    hint: 'Use letters, digits and hyphens, a letter first and no hyphen last.',
    details: { name },
  });
}

/** @throws MultipassError SNAPSHOT_EXISTS with Multipass's text */
export function requireFreeName(
  records: readonly SnapshotRecord[],
  name: string,
  instance: string,
): void {
  if (!records.some((record) => record.name === name)) return;
  throw new MultipassError('SNAPSHOT_EXISTS', `Snapshot already exists: ${instance}.${name}`, {
    hint: 'Choose another name, or delete that snapshot first.',
    details: { instance, snapshot: name },
  });
}

/** @throws MultipassError INVALID_ARGUMENT for what is too long */
export function requireComment(comment: string): void {
  if (comment.length <= LONGEST_COMMENT) return;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `a comment has at most ${LONGEST_COMMENT} characters, not ${comment.length}`,
    { hint: 'Shorten the comment.' },
  );
}
