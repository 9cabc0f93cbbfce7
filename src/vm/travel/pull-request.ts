import type { Digest } from '../../files/digest.js';
import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';
import type { ImportChoices, ImportReport } from './import-request.js';

/** How an instance is pulled: it is always a copy. */
export type PullChoices = Pick<ImportChoices, 'name' | 'user' | 'sshKey'>;

/** The same, what, and where to. */
export interface PullRequest extends WorkRequest, PullChoices {
  readonly layout: StoreLayout;
  /** `[host[:port]/]path[:tag][@digest]` */
  readonly reference: string;
}

/** How an instance is pulled by a program. */
export interface PullOptions extends WorkRequest, PullChoices {
  /** Told what was pulled, before the instance is opened. */
  readonly onReport?: ((report: PullReport) => void) | undefined;
}

/** What was pulled. */
export interface PullReport extends Omit<
  ImportReport,
  'keepsIdentity' | 'mounts' | 'kind' | 'losses'
> {
  /** Where it came from, as it was named. */
  readonly reference: string;
  /** Of what the reference named. */
  readonly digest: Digest;
  /** Where it came from, by that digest: what this names never changes. */
  readonly pinned: string;
}
