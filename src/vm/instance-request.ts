import type { StoreLayout } from '../store/layout.js';
import type { WorkRequest } from '../work.js';

/** What every request for work on one instance says: which one, in which store. */
export interface InstanceRequest extends WorkRequest {
  readonly layout: StoreLayout;
  readonly name: string;
}
