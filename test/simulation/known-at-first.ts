import type { Seen } from './examine.js';
import { learn, type Known } from './verify.js';

/** What is known of the first store's instances: what the snapshot of its source holds, too. */
export function knownAtFirst(seen: ReadonlyMap<string, Seen>): Map<string, Known> {
  const known = learn({ before: new Map(), after: seen });
  return new Map(
    [...known].map(([uuid, instance]) => {
      const tags = instance.name === 'web' ? new Map([['first', '10'.repeat(8)]]) : instance.tags;
      return [uuid, { ...instance, tags }];
    }),
  );
}
