import {
  checkForward,
  formatForward,
  numberedForward,
  parseForward,
} from '../forwards/forward-text.js';
import { requireDistinctPorts, tooManyForwards } from '../forwards/chosen-forwards.js';
import type { InstanceReading } from '../read-instance.js';
import { MOST_FORWARDS, type Forward } from '../records/forward.js';
import type { CloneRequest } from './clone-request.js';

/**
 * The forwards that each of some clones is asked to have.
 * @throws MultipassError INVALID_ARGUMENT for what is none; PORT_TAKEN for a port that two of them would have
 */
export function wantedForwards(
  { forwards = [], count }: Pick<CloneRequest, 'forwards' | 'count'>,
  copies: number,
): Forward[][] {
  if (forwards.length > MOST_FORWARDS) throw tooManyForwards(forwards.length);
  const wanted = Array.from({ length: copies }, (_, index) =>
    forwards.map((one) => {
      if (typeof one !== 'string') return checkForward(one);
      return count === undefined ? parseForward(one) : numberedForward(one, index + 1);
    }),
  );
  requireDistinctPorts(wanted.flat());
  return wanted;
}

/** What a user should know who has not said anything of forwards: a port has one taker. */
export function leftForwards(
  { name, spec }: Pick<InstanceReading, 'name' | 'spec'>,
  { forwards }: Pick<CloneRequest, 'forwards'>,
): string[] {
  if (spec.forwards.length === 0 || forwards !== undefined) return [];
  const texts = spec.forwards.map(formatForward).join(', ');
  return [
    `the forwards of "${name}" (${texts}) are not cloned: \`--forward\` gives a clone its own`,
  ];
}
