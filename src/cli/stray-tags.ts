import type { StrayTag } from '../vm/snapshots/stray-tags.js';
import type { CliContext } from './context.js';
import { printable } from './format/table.js';

/** Tells on stderr of internal snapshots without a record: they take space, and nobody but their owner deletes them. */
export function tellStrayTags({ stderr }: CliContext, strays: readonly StrayTag[]): void {
  for (const { instance, tag } of strays) {
    const text = `note: the disk of "${instance}" holds a snapshot "${tag}" that has no record; it was left alone`;
    stderr.write(`${printable(text)}\n`);
  }
}
