import { throwIfAborted } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { RUN_SOCKETS } from '../../qemu/machine.js';
import { QmpClient } from '../../qemu/qmp-client.js';
import { standstillOf, type Standstill } from '../../qemu/run-state.js';
import type { InstanceDir } from '../../store/instance-dir.js';

/** A QEMU that talks to another command meanwhile has a guest that is being seen to. */
const PATIENCE_MS = 2000;

/**
 * Asks the QEMU of a running instance whether its guest stands still, because the host could not write or read for it.
 * @returns the error that says so, with what to do; null when it does not, or QEMU does not say
 * @throws MultipassError ABORTED
 */
export async function lookForStandstill(
  dir: InstanceDir,
  signal?: AbortSignal,
): Promise<MultipassError | null> {
  const patience = AbortSignal.timeout(PATIENCE_MS);
  const limit = signal === undefined ? patience : AbortSignal.any([signal, patience]);
  try {
    await using client = await QmpClient.connect(dir.run, RUN_SOCKETS.qmp, limit);
    const why = await standstillOf(client);
    return why === null ? null : standsStill(dir, why);
  } catch {
    // It does not listen yet, or no more.
    throwIfAborted(signal);
    return null;
  }
}

/** That a guest stands still, and what to do: DISK_FULL, or IO_ERROR. */
export function standsStill({ name, disk }: InstanceDir, why: Standstill): MultipassError {
  const goOn =
    `let it go on with \`multipass start ${name}\`, or power it off with force ` +
    `(\`multipass stop --force ${name}\`).`;
  return why === 'full'
    ? new MultipassError(
        'DISK_FULL',
        `"${name}" stands still: there is no space left for what it writes`,
        { hint: `Free some space and ${goOn}`, details: { name, path: disk } },
      )
    : new MultipassError(
        'IO_ERROR',
        `"${name}" stands still: this host could not write or read its disk`,
        {
          hint: `See that "${disk}" can be written to, that no quota is used up, and ${goOn}`,
          details: { name, path: disk },
        },
      );
}
