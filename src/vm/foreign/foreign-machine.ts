import type { LossNotes } from '../loss-report.js';
import type { ImportKind } from '../travel/import-request.js';

/** What can be imported besides our own archives. */
export type ForeignKind = Exclude<ImportKind, 'instance' | 'folder'>;

/** The disk of a machine from outside: a file that nobody has looked at yet. */
export interface ForeignDisk {
  /** Of a file that may be packed with gzip, xz or zstd. */
  readonly path: string;
  /** What it is called in messages. */
  readonly origin: string;
  /** It is known to be raw, whatever it looks like. */
  readonly isRaw?: boolean | undefined;
  /** A qcow2 image that stands on it, whatever that says of itself; null for none. */
  readonly layer: string | null;
}

/** A machine of another program. What it says is checked, and not believed beyond that. */
export interface ForeignMachine {
  readonly kind: ForeignKind;
  /** What it is called; null when it does not say. Perhaps no name for an instance. */
  readonly title: string | null;
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  readonly disk: ForeignDisk;
  /** Who is let in by a key; null: whoever cloud-init makes. */
  readonly user: string | null;
  /** `Ubuntu`, `24.04`; '' for what is not known. */
  readonly os: string;
  readonly release: string;
  /** What came, and what did not. */
  readonly notes: LossNotes;
}

/** Numbers of a machine as far as they can be taken; anything else is none. */
export function wholeNumber(value: unknown, least: number, most: number): number | null {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string' || !/^[0-9]{1,16}$/.test(text.trim())) return null;
  const number = Number(text);
  return number >= least && number <= most ? number : null;
}

/** More than any machine has. */
export const MOST_CPUS = 1024;
export const MOST_MEMORY = 64 * 1024 ** 4;
