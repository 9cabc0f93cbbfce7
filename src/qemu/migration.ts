import { sleep } from '../abort.js';
import { MultipassError } from '../errors.js';
import { asObject, type QmpClient } from './qmp-client.js';

/** What a migration has come to that has come to its end, in QEMU's words; one that never was has none. */
const OVER = new Set(['none', 'completed', 'failed', 'cancelled']);
const POLL_MS = 10;
/** Bytes a second: QEMU's own limit is of before there were machines within one host. */
const NO_LIMIT = 2 ** 40;

/**
 * Sends the state of a machine to another one, or to a file: its memory and its devices, not its disks. The guest
 * should stand still. Afterwards it does, and may be let go on (`cont`).
 * @param uri where to, in QEMU's words: `unix:…` in the folder that QEMU works in
 * @throws MultipassError QMP_FAILED when it does not get there; ABORTED, the migration is over then
 */
export async function migrate(client: QmpClient, uri: string, signal?: AbortSignal): Promise<void> {
  await client.execute('migrate-set-parameters', { 'max-bandwidth': NO_LIMIT });
  await client.execute('migrate', { uri });
  try {
    for (;;) {
      const { status, 'error-desc': why } = await look(client);
      if (status === 'completed') return;
      if (OVER.has(status)) throw failed(typeof why === 'string' ? why : status);
      await sleep(POLL_MS, signal);
    }
  } catch (error) {
    await endMigration(client).catch(() => undefined);
    throw error;
  }
}

/** Ends what {@link migrate} was at when its caller was killed; else it does nothing. */
export async function endMigration(client: QmpClient): Promise<void> {
  let { status } = await look(client);
  if (OVER.has(status)) return;
  await client.execute('migrate_cancel');
  while (!OVER.has(status)) {
    await sleep(POLL_MS);
    ({ status } = await look(client));
  }
}

/**
 * Has QEMU leave RAM that is a file out of the states that it sends and gets: the file has it.
 * @throws MultipassError QMP_FAILED when it cannot
 */
export async function leaveRamOut(client: QmpClient, isLeft: boolean): Promise<void> {
  const capabilities = [{ capability: 'x-ignore-shared', state: isLeft }];
  await client.execute('migrate-set-capabilities', { capabilities });
}

async function look(client: QmpClient): Promise<{ status: string; 'error-desc'?: unknown }> {
  const answer = asObject(await client.execute('query-migrate'));
  const { status } = answer;
  return { ...answer, status: typeof status === 'string' ? status : 'none' };
}

function failed(why: string): MultipassError {
  return new MultipassError('QMP_FAILED', `QEMU could not hand its memory on: ${why}`, {
    hint: 'Look at the room on the disk, then try again.',
    details: { description: why },
  });
}
