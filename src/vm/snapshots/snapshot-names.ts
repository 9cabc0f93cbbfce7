import { MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { readInstance } from '../read-instance.js';
import { readSnapshots } from '../read-snapshots.js';

/** The names of an instance's snapshots: of one whose records cannot be read, or that is gone meanwhile, none. */
export function snapshotNames(layout: StoreLayout, instance: string): string[] {
  try {
    const { dir, pending } = readInstance(layout, instance);
    return readSnapshots(dir, pending).map(({ name }) => name);
  } catch (error) {
    if (error instanceof MultipassError) return [];
    throw error;
  }
}
