import type { StoreLayout } from '../../store/layout.js';
import { listInstances } from '../list-instances.js';
import type { ReadableInstanceView } from '../views.js';

/** The instances that start with the host, sorted by name; none that is deleted, or cannot be read. */
export async function autostarted(layout: StoreLayout): Promise<ReadableInstanceView[]> {
  return (await listInstances(layout)).flatMap((view) =>
    view.state !== 'Broken' && view.state !== 'Deleted' && view.spec.autostart ? [view] : [],
  );
}
