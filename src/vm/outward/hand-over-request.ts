import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';
import type { LossReport } from '../loss-report.js';

/** Another engine, which an instance can be written for. */
export type Engine = 'libvirt' | 'incus' | 'kubevirt' | 'ova';

/** The same, as a list. */
export const ENGINES: readonly Engine[] = ['libvirt', 'incus', 'kubevirt', 'ova'];

/** What of an instance is handed over by a program. */
export interface HandOverOptions extends WorkRequest {
  /** Name of a snapshot, whose state is handed over. Default: the present one. */
  readonly snapshot?: string | undefined;
}

/** The same, of which instance, to which engine, and where to. */
export interface HandOverRequest extends HandOverOptions {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly engine: Engine;
  /** An absolute path: a folder that is not there, or is empty. */
  readonly folder: string;
}

/** What was handed over. */
export interface HandOverReport {
  /** Of the instance. */
  readonly name: string;
  /** Name of the snapshot; null for the active state. */
  readonly snapshot: string | null;
  /** Whom it is written for. */
  readonly engine: Engine;
  /** Where the files are. */
  readonly folder: string;
  /** The names of the files. */
  readonly artifacts: readonly string[];
  /** What to type next, for a shell. */
  readonly commands: readonly string[];
  /** What becomes of it there. */
  readonly losses: LossReport;
}
