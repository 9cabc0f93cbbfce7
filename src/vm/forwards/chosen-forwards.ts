import { MultipassError } from '../../errors.js';
import { MOST_FORWARDS, wantSamePort, type Forward } from '../records/forward.js';
import { checkForward, portText, type ForwardChoice } from './forward-text.js';

/**
 * The forwards of a new instance. @throws MultipassError INVALID_ARGUMENT for what is none, or for too many; PORT_TAKEN
 * for a port that is given twice
 */
export function chosenForwards(choices: readonly ForwardChoice[]): Forward[] {
  const forwards = choices.map((choice) => checkForward(choice));
  if (forwards.length > MOST_FORWARDS) throw tooManyForwards(forwards.length);
  requireDistinctPorts(forwards);
  return forwards;
}

/** The refusal of more forwards than an instance may have. */
export function tooManyForwards(count: number): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `${count} forwards are too many`, {
    hint: `Ask for ${MOST_FORWARDS} at most.`,
  });
}

/** @throws MultipassError PORT_TAKEN for a port that is given twice */
export function requireDistinctPorts(forwards: readonly Forward[]): void {
  const seen = new Map<string, Forward[]>();
  for (const forward of forwards) {
    const key = `${forward.protocol} ${forward.hostPort}`;
    const others = seen.get(key) ?? [];
    if (others.some((one) => wantSamePort(one, forward))) throw givenTwice(forward);
    seen.set(key, [...others, forward]);
  }
}

function givenTwice(forward: Forward): MultipassError {
  return new MultipassError('PORT_TAKEN', `${portText(forward)} is to be forwarded twice`, {
    hint: 'Give each forward a port of its own; with several copies by {n}, as in 8080+{n}:80.',
    details: { port: portText(forward) },
  });
}
