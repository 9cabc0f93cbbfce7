import { MultipassError } from '../../errors.js';
import type { ForwardWay } from './forward-way.js';

/** Into an instance whose network takes no forwards. */
export function noWay(name: string): ForwardWay {
  const error = new MultipassError(
    'NETWORK_UNAVAILABLE',
    `no ports can be forwarded into "${name}" on the network that it was started on`,
    {
      hint: 'On a bridge, use the address of the instance; else stop it and start it again.',
      details: { name },
    },
  );
  return {
    apply: (forwards) => Promise.resolve(forwards.map((forward) => ({ forward, error }))),
    remove: () => Promise.resolve(),
    active: () => Promise.resolve([]),
  };
}
