import { asObject, type QmpClient } from './qmp-client.js';

/** QEMU's name of the block node of the seed. */
const SEED_NODE = 'seed';

/**
 * Shows a guest that there is another CD in its drive: one that goes on from a memory has the old one's size in mind,
 * and cannot read the new one. Does nothing without a drive.
 * @throws MultipassError QMP_FAILED
 */
export async function changeSeed(client: QmpClient): Promise<void> {
  const drives = await client.execute('query-block');
  const seed = (Array.isArray(drives) ? drives : [])
    .map(asObject)
    .find((drive) => asObject(drive['inserted'])['node-name'] === SEED_NODE);
  const id = seed?.['qdev'];
  if (typeof id !== 'string') return;
  await client.execute('blockdev-open-tray', { id, force: true });
  await client.execute('blockdev-remove-medium', { id });
  await client.execute('blockdev-insert-medium', { id, 'node-name': SEED_NODE });
  await client.execute('blockdev-close-tray', { id });
}
