import { sleep } from '../abort.js';
import { MultipassError } from '../errors.js';
import { cardPlace, type Card, type CardBackend } from './machine.js';
import type { QmpClient } from './qmp-client.js';

/** How long a guest may take to let a card go before it is asked once more, and how often it is asked. */
const PATIENCE_MS = 20_000;
const TRIES = 3;
const POLL_MS = 20;

/**
 * Takes a card out of a running machine, and what it was plugged into. The guest has to agree.
 * @throws MultipassError QMP_FAILED when it does not; ABORTED
 */
export async function takeCardOut(
  client: QmpClient,
  index: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  const { id, netdev } = cardPlace(index);
  const out = new Set<unknown>();
  const forget = client.onEvent(({ event, data }) => {
    if (event === 'DEVICE_DELETED') out.add(data['device']);
  });
  try {
    for (let tries = 1; !out.has(id); tries += 1) {
      if (tries > TRIES) throw keepsCard(index);
      await client.execute('device_del', { id }).catch((error: unknown) => {
        // It is about to go: QEMU says so of one that it has asked for a moment ago.
        if (tries === 1) throw error;
      });
      const until = Date.now() + PATIENCE_MS;
      while (!out.has(id) && Date.now() < until && !client.hasEnded()) await sleep(POLL_MS, signal);
    }
  } finally {
    forget();
  }
  await client.execute('netdev_del', { id: netdev });
}

/** Puts a card into a running machine, in its place. @throws MultipassError QMP_FAILED */
export async function putCardIn(client: QmpClient, index: number, card: Card): Promise<void> {
  const { id, netdev, slot } = cardPlace(index);
  await client.execute('netdev_add', { id: netdev, ...netdevOf(card.backend) });
  const { mac } = card;
  const device = { driver: 'virtio-net-pci', id, netdev, mac, addr: slot, romfile: '' };
  await client.execute('device_add', device);
}

function netdevOf(backend: CardBackend): Readonly<Record<string, unknown>> {
  if (backend.kind === 'tap') {
    return { type: 'tap', ifname: backend.tap, script: 'no', downscript: 'no' };
  }
  const { subnet, sshPort } = backend;
  const forward = sshPort === null ? [] : [{ str: `tcp:127.0.0.1:${sshPort}-:22` }];
  return { type: 'user', net: subnet, hostfwd: forward };
}

function keepsCard(index: number): MultipassError {
  return new MultipassError('QMP_FAILED', `the guest does not let its card ${index} go`, {
    hint: 'Its kernel has to have ACPI hotplug for that.',
  });
}
