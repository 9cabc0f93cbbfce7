import type { StoreLayout } from '../../store/layout.js';
import { listInstances } from '../list-instances.js';
import { lookAt } from '../open.js';
import type { InstanceView } from '../views.js';
import { viewForwards, type ForwardView } from './forward-view.js';

/** The forwards of all instances, by their names; those of what is Broken cannot be told. @throws as `listInstances` */
export async function listForwards(layout: StoreLayout): Promise<ForwardView[]> {
  return await forwardsOf(layout, await listInstances(layout));
}

/** The forwards of some instances. */
export async function forwardsOf(
  layout: StoreLayout,
  views: readonly InstanceView[],
): Promise<ForwardView[]> {
  const found: ForwardView[] = [];
  for (const view of views) {
    if (view.state !== 'Broken') found.push(...(await viewForwards(layout, view)));
  }
  return found;
}

/** The forwards of one instance. @throws MultipassError INSTANCE_NOT_FOUND; what makes it Broken */
export async function forwardsOfOne(layout: StoreLayout, name: string): Promise<ForwardView[]> {
  const states = ['Running', 'Stopped', 'Suspended', 'Deleted'] as const;
  return await viewForwards(layout, lookAt(layout, name, { for: 'forward', states, disk: 'any' }));
}
