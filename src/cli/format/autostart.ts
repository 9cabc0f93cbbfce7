import type { InstanceState } from '../../index.js';
import { formatTable } from './table.js';

/** The instances that start with the host, in that order. */
export function formatAutostart(
  instances: readonly { readonly name: string; readonly state: InstanceState }[],
): string {
  if (instances.length === 0) return 'No instances start with the host.\n';
  const rows = instances.map(({ name, state }) => [name, state]);
  return formatTable([{ header: 'Name' }, { header: 'State' }], rows);
}
