import type { StoreLayout } from '../../store/layout.js';
import type { Seed } from '../seed/seed.js';
import type { LossNotes } from '../loss-report.js';
import type { ImageRecord } from '../records/image-record.js';
import type { InstanceSpec } from '../records/spec.js';
import type { Work } from '../../work.js';

/** An instance that is written for another engine, into a folder of its own. */
export interface Departing {
  readonly layout: StoreLayout;
  readonly name: string;
  readonly spec: InstanceSpec;
  readonly image: ImageRecord;
  /** Null: it has none. */
  readonly seed: Seed | null;
  /** Its disk, one qcow2 image that stands alone. It may be the instance's own, and is only read. */
  readonly disk: string;
  /** Where files are made. */
  readonly draft: string;
  /** Where they will be in the end. */
  readonly folder: string;
  readonly notes: LossNotes;
  readonly work: Work;
}

/** What was written, and what to type next. */
export interface Written {
  readonly artifacts: readonly string[];
  readonly commands: readonly string[];
}

/** A document of a seed as text; undefined when there is none. */
export function documentOf({ seed }: Departing, name: string): string | undefined {
  return seed?.find((file) => file.name === name)?.data.toString('utf8');
}
