import type { StoreLayout } from '../../store/layout.js';
import type { InstanceReading } from '../read-instance.js';
import { readMachine } from '../records/machine-record.js';
import type { ForwardWay } from './forward-way.js';
import { bridgeWay } from './bridge-way.js';
import { sharedWay } from './shared-way.js';
import { userWay } from './user-way.js';

/**
 * How ports of the host lead into a running instance, by what its first card was plugged into when it was started.
 * @throws RecordError
 */
export function wayInto(
  layout: StoreLayout,
  { dir }: Pick<InstanceReading, 'dir'>,
  signal?: AbortSignal,
): ForwardWay {
  const [card] = readMachine(dir)?.machine.cards ?? [];
  if (card?.backend.kind !== 'tap') return userWay(dir, signal);
  const way = card.backend.within === 'shared' ? sharedWay : bridgeWay;
  return way(layout, card.mac, signal);
}
