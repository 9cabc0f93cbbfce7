import type { SnapshotView } from '../../index.js';

/** Compares by code units: the same order everywhere, whatever the locale. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Puts the primary instance first and the others in the order of their names. */
export function byName(primary: string): (a: { name: string }, b: { name: string }) => number {
  return (a, b) =>
    Number(b.name === primary) - Number(a.name === primary) || compareText(a.name, b.name);
}

/** Puts the older snapshot first. */
export function byCreation(a: SnapshotView, b: SnapshotView): number {
  return compareText(a.record.created, b.record.created) || a.record.index - b.record.index;
}
