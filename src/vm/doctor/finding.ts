import type { Work } from '../../work.js';
import type { StoreLayout } from '../../store/layout.js';
import type { LostAndFound } from './lost-and-found.js';

/**
 * - `error`: something does not work, or data are at risk
 * - `warning`: something should be put in order
 * - `note`: good to know; nothing need be done
 */
export type Severity = 'error' | 'warning' | 'note';

/** What kind of thing was found. The words are stable; new ones may come. */
export type FindingKind =
  // rights
  | 'open-to-writers'
  | 'open-to-readers'
  | 'other-owner'
  // the store itself
  | 'store-too-new'
  | 'store-record-missing'
  | 'record-invalid'
  | 'folder-missing'
  | 'folder-replaced'
  | 'unknown-file'
  | 'draft-left'
  // what dead commands left
  | 'staging-left'
  | 'commit-left'
  | 'trash-left'
  | 'lock-left'
  | 'ephemeral-left'
  | 'ephemeral-mark-left'
  | 'download-left'
  // instances
  | 'name-invalid'
  | 'not-an-instance'
  | 'file-missing'
  | 'disk-missing'
  | 'disk-invalid'
  | 'disk-damaged'
  | 'disk-leaks'
  | 'disk-has-other-names'
  | 'disk-not-checked'
  | 'seed-invalid'
  | 'key-missing'
  | 'hand-made-copy'
  | 'memory-missing'
  | 'memory-left'
  | 'operation-pending'
  | 'run-ended-uncleanly'
  | 'keeper-ended'
  // bases
  | 'base-missing'
  | 'base-damaged'
  | 'base-changed'
  | 'base-writable'
  | 'base-stray'
  // snapshots
  | 'snapshot-tag-missing'
  | 'snapshot-tag-stray'
  | 'snapshot-parent-missing'
  // identities
  | 'mac-twice'
  | 'mac-row-missing'
  | 'mac-row-foreign'
  | 'mac-row-invalid'
  | 'mac-row-stray'
  | 'port-twice'
  | 'port-row-missing'
  | 'port-row-invalid'
  | 'port-row-stray'
  // networks
  | 'network-damaged'
  // images and aliases
  | 'image-broken'
  | 'image-damaged'
  | 'image-unused'
  | 'alias-of-nobody'
  // the machine
  | 'program-missing'
  | 'program-old'
  | 'program-advised'
  | 'accelerator-unavailable'
  | 'accelerator-software'
  | 'sandbox-unavailable'
  | 'room-low'
  | 'file-system-shared'
  | 'clock-behind'
  | 'image-server-unreachable';

/** How bad each is. */
const SEVERITIES: Readonly<Record<FindingKind, Severity>> = {
  // rights
  'open-to-writers': 'error',
  'open-to-readers': 'warning',
  'other-owner': 'error',
  // the store itself
  'store-too-new': 'error',
  'store-record-missing': 'error',
  'record-invalid': 'error',
  'folder-missing': 'warning',
  'folder-replaced': 'error',
  'unknown-file': 'note',
  'draft-left': 'note',
  // what dead commands left
  'staging-left': 'warning',
  'commit-left': 'warning',
  'trash-left': 'warning',
  'lock-left': 'note',
  'ephemeral-left': 'warning',
  'ephemeral-mark-left': 'note',
  'download-left': 'note',
  // instances
  'name-invalid': 'error',
  'not-an-instance': 'error',
  'file-missing': 'error',
  'disk-missing': 'error',
  'disk-invalid': 'error',
  'disk-damaged': 'error',
  'disk-leaks': 'note',
  'disk-has-other-names': 'error',
  'disk-not-checked': 'warning',
  'seed-invalid': 'error',
  'key-missing': 'error',
  'hand-made-copy': 'warning',
  'memory-missing': 'error',
  'memory-left': 'warning',
  'operation-pending': 'warning',
  'run-ended-uncleanly': 'warning',
  'keeper-ended': 'note',
  // bases
  'base-missing': 'error',
  'base-damaged': 'error',
  'base-changed': 'error',
  'base-writable': 'warning',
  'base-stray': 'warning',
  // snapshots
  'snapshot-tag-missing': 'error',
  'snapshot-tag-stray': 'warning',
  'snapshot-parent-missing': 'warning',
  // identities
  'mac-twice': 'error',
  'mac-row-missing': 'warning',
  'mac-row-foreign': 'warning',
  'mac-row-invalid': 'warning',
  'mac-row-stray': 'note',
  'port-twice': 'error',
  'port-row-missing': 'warning',
  'port-row-invalid': 'warning',
  'port-row-stray': 'note',
  // networks
  'network-damaged': 'warning',
  // images and aliases
  'image-broken': 'warning',
  'image-damaged': 'error',
  'image-unused': 'note',
  'alias-of-nobody': 'warning',
  // the machine
  'program-missing': 'error',
  'program-old': 'warning',
  'program-advised': 'note',
  'accelerator-unavailable': 'error',
  'accelerator-software': 'note',
  'sandbox-unavailable': 'warning',
  'room-low': 'warning',
  'file-system-shared': 'warning',
  'clock-behind': 'warning',
  'image-server-unreachable': 'warning',
};

/** One thing that is wrong, left over, or good to know. */
export interface Finding {
  /** How bad it is. */
  readonly severity: Severity;
  /** What it is, in a stable word for programs. */
  readonly kind: FindingKind;
  /** Name of the instance that it is about; null when it is about none, or several. */
  readonly instance: string | null;
  /** Relative to the store, '' for the store itself; null when it is about the machine. */
  readonly path: string | null;
  /** What it is, in a sentence for people. */
  readonly message: string;
  /** What to do, in an imperative sentence. */
  readonly hint: string;
  /** Whether mending needs no guess. */
  readonly fixable: boolean;
  /** Whether it has been mended by this call. */
  readonly fixed: boolean;
}

/** What a mend works with. */
export interface MendingRequest {
  readonly layout: StoreLayout;
  readonly work: Work;
  readonly lost: LostAndFound;
}

/** Mends a finding; may be called again. Findings that are mended by one and the same function share its call. */
export type Mend = (request: MendingRequest) => Promise<void>;

/** A finding, and how it is mended where that needs no guess. */
export interface Diagnosis {
  readonly finding: Finding;
  readonly mend: Mend | undefined;
}

/** What is found, as a check tells it. */
export interface Sign {
  readonly instance?: string | undefined;
  /** Absolute; null for the machine. */
  readonly path: string | null;
  readonly message: string;
  readonly hint: string;
  readonly mend?: Mend | undefined;
}

/** A diagnosis of what a check tells. @param path as {@link Finding} has it */
export function diagnosisOf(kind: FindingKind, path: string | null, sign: Sign): Diagnosis {
  const { instance = null, message, hint, mend } = sign;
  return {
    finding: {
      severity: SEVERITIES[kind],
      kind,
      instance,
      path,
      message,
      hint,
      fixable: mend !== undefined,
      fixed: false,
    },
    mend,
  };
}
