import { hasCode, MultipassError } from '../../errors.js';
import { isPortFree } from '../../net/user-network.js';
import type { Machine } from '../../qemu/machine.js';

/** A port that was free a moment ago may be somebody else's by now. */
const TRIES = 5;

/**
 * Starts a machine on a port of the host that is free. Nothing can keep a port for QEMU, which binds it itself; when
 * somebody else was faster, the machine is planned anew, with another port.
 * @param plan chooses a port that is free now, if the machine has one
 * @param start starts QEMU; nothing of it is left when this rejects
 * @throws MultipassError PORT_TAKEN when every port that was chosen was taken before QEMU had it; what `plan` and
 *   `start` throw
 */
export async function startOnFreePort<Started>(
  plan: () => Promise<Machine>,
  start: (machine: Machine) => Promise<Started>,
): Promise<{ started: Started; machine: Machine }> {
  const taken: number[] = [];
  let cause: unknown;
  while (taken.length < TRIES) {
    const machine = await plan();
    const port = sshPortOf(machine);
    try {
      if (port !== null && !(await isPortFree(port))) throw portTaken([port]);
      return { started: await start(machine), machine };
    } catch (error) {
      if (port === null || !(await isBecauseOf(port, error))) throw error;
      taken.push(port);
      cause = error;
    }
  }
  throw portTaken(taken, cause);
}

/**
 * Whether a machine did not start because of its port. QEMU says so in words, which are another matter each version.
 */
async function isBecauseOf(port: number, error: unknown): Promise<boolean> {
  if (hasCode(error, 'PORT_TAKEN')) return true;
  return hasCode(error, 'QEMU_FAILED') && !(await isPortFree(port));
}

function sshPortOf({ cards }: Machine): number | null {
  for (const { backend } of cards) {
    if (backend.kind === 'user' && backend.sshPort !== null) return backend.sshPort;
  }
  return null;
}

function portTaken(ports: readonly number[], cause?: unknown): MultipassError {
  return new MultipassError(
    'PORT_TAKEN',
    `no port of 127.0.0.1 for ssh: ${ports.join(', ')} taken by another program`,
    {
      hint: 'Look at which program takes so many ports (`ss -ltnp`), then try again.',
      details: { ports },
      cause,
    },
  );
}
