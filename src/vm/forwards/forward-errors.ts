import { MultipassError } from '../../errors.js';
import { usersOfPort, type ListeningPlace, type PortUser } from '../../net/listeners.js';
import { portProblem, type PortProblem } from '../../net/try-port.js';
import type { Forward } from '../records/forward.js';
import { portText } from './forward-text.js';

/** Where a forward listens on the host. */
export function placeOf({ protocol, address, hostPort: port }: Forward): ListeningPlace {
  return { protocol, address, port };
}

/**
 * Why the port of a forward cannot be listened on, as an error: PORT_TAKEN with the program that has it,
 * PERMISSION_DENIED, NETWORK_FAILED.
 * @returns undefined when it can be
 */
export async function whyNot(forward: Forward): Promise<MultipassError | undefined> {
  const problem = await portProblem(placeOf(forward));
  return problem === undefined ? undefined : errorOf(problem, forward);
}

/** A way into an instance that did not take a forward. @param words its own */
export function forwardRefused(forward: Forward, words: string): MultipassError {
  return new MultipassError('NETWORK_FAILED', `cannot forward ${portText(forward)}: ${words}`, {
    hint: 'Look at what has that port (`ss -lntup`), or choose another one.',
    details: { port: portText(forward) },
  });
}

function userText([first, ...more]: readonly PortUser[]): string {
  if (first === undefined) return 'another program';
  if (first.pid === null) return "another user's program";
  const others = more.length === 0 ? '' : ` and ${more.length} more`;
  return `"${first.program ?? ''}" (pid ${first.pid})${others}`;
}

function errorOf(problem: PortProblem, forward: Forward): MultipassError {
  const port = portText(forward);
  const details = { port };
  switch (problem) {
    case 'taken': {
      const users = usersOfPort(placeOf(forward));
      return new MultipassError('PORT_TAKEN', `${port} is taken by ${userText(users)}`, {
        hint: 'End that program, or choose another port.',
        details: { ...details, program: users[0]?.program ?? null, pid: users[0]?.pid ?? null },
      });
    }
    case 'forbidden':
      return new MultipassError('PERMISSION_DENIED', `${port} is a port that you may not take`, {
        hint: 'Choose one from 1024 on: those below are for root.',
        details,
      });
    case 'no address':
      return new MultipassError('NETWORK_FAILED', `this host has no address ${forward.address}`, {
        hint: 'Name an address of this host (`ip address`), or none: then it is 127.0.0.1.',
        details,
      });
  }
}
