import { QemuHungUp, type QmpClient } from './qmp-client.js';

/**
 * Presses the machine's reset button, and waits until it has been reset: whatever its guest was doing is over then, and
 * who answers later is one that has booted since. A machine that stands still goes on standing still.
 * @throws MultipassError QMP_FAILED when QEMU refuses, or ends before
 */
export async function resetMachine(client: QmpClient): Promise<void> {
  let forget: () => void = () => undefined;
  const wasReset = new Promise<true>((resolve) => {
    forget = client.onEvent(({ event }) => {
      if (event === 'RESET') resolve(true);
    });
  });
  try {
    await client.execute('system_reset');
    const hasHungUp = client.closed.then(() => false);
    if (!(await Promise.race([wasReset, hasHungUp]))) throw new QemuHungUp('system_reset');
  } finally {
    forget();
  }
}
