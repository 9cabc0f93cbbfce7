import { sleep } from '../abort.js';
import { MultipassError } from '../errors.js';
import { RUN_SOCKETS } from '../qemu/machine.js';
import { QemuHungUp, QmpClient } from '../qemu/qmp-client.js';
import { isNotNow } from '../qemu/unix-socket.js';
import type { InstanceDir } from '../store/instance-dir.js';
import { instanceNotRunning } from './errors.js';
import { isRunning } from './read-instance.js';

const POLL_MS = 50;
const PATIENCE_MS = 60_000;

/**
 * Talks to the QEMU that runs an instance: one command at a time may, the others wait.
 * @throws MultipassError INSTANCE_NOT_RUNNING when there is none (any more); QMP_FAILED when it lives and nobody gets
 *   through to it for a minute; ABORTED
 */
export async function openMonitor(dir: InstanceDir, signal?: AbortSignal): Promise<QmpClient> {
  const start = Date.now();
  for (;;) {
    try {
      return await QmpClient.connect(dir.run, RUN_SOCKETS.qmp, signal);
    } catch (error) {
      if (!isNotNow(error) && !(error instanceof QemuHungUp)) throw error;
      if (!isRunning(dir)) throw instanceNotRunning(dir.name);
      if (Date.now() - start > PATIENCE_MS) throw doesNotListen(dir.name, error);
    }
    await sleep(POLL_MS, signal);
  }
}

function doesNotListen(name: string, cause: unknown): MultipassError {
  return new MultipassError('QMP_FAILED', `the QEMU of "${name}" does not take any commands`, {
    hint: `Power it off with force (\`multipass stop --force ${name}\`).`,
    details: { name },
    cause,
  });
}
