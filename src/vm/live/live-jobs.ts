import { sleep } from '../../abort.js';
import { hasCode } from '../../errors.js';
import { log } from '../../log.js';
import { activeHead } from '../../qemu/active-head.js';
import { asObject, type QmpClient } from '../../qemu/qmp-client.js';
import { isLiveName } from './live-names.js';

const POLL_MS = 50;

/**
 * Ends the copies that killed commands left a QEMU at, and closes their files. The caller holds the live lock: none of
 * them is anybody's.
 * @throws MultipassError QMP_FAILED when QEMU ends meanwhile
 */
export async function endLeftJobs(client: QmpClient): Promise<void> {
  for (const id of await liveJobs(client)) {
    log('info', 'live', `ending the job "${id}" of a killed command`);
    await endJob(client, id);
  }
  const { node: active } = await activeHead(client);
  const nodes = await client.execute('query-named-block-nodes', { flat: true });
  for (const node of Array.isArray(nodes) ? nodes : []) {
    const name = asObject(node)['node-name'];
    if (isLiveName(name) && name !== active) await closeNode(client, name);
  }
}

/** Ends a job, finished or not, and forgets it. @throws MultipassError QMP_FAILED when QEMU ends meanwhile */
export async function endJob(client: QmpClient, id: string): Promise<void> {
  for (;;) {
    const status = (await jobOf(client, id))?.['status'];
    if (status === undefined) return;
    const command = status === 'concluded' ? 'job-dismiss' : 'job-cancel';
    await ifAsked(client, command, { id });
    if (command === 'job-cancel') await sleep(POLL_MS);
  }
}

/** Closes a file that QEMU has opened for us; one that it uses stays. @throws MultipassError QMP_FAILED */
export async function closeNode(client: QmpClient, node: string): Promise<void> {
  await ifAsked(client, 'blockdev-del', { 'node-name': node });
}

/** What QEMU tells of a job; undefined when it knows none of that name. */
export async function jobOf(
  client: QmpClient,
  id: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const jobs = await client.execute('query-jobs');
  return (Array.isArray(jobs) ? jobs : []).map(asObject).find((job) => job['id'] === id);
}

async function liveJobs(client: QmpClient): Promise<string[]> {
  const jobs = await client.execute('query-jobs');
  return (Array.isArray(jobs) ? jobs : []).map((job) => asObject(job)['id']).filter(isLiveName);
}

/** What QEMU refuses here it has done already, or is at. */
async function ifAsked(
  client: QmpClient,
  command: string,
  args: Readonly<Record<string, unknown>>,
): Promise<void> {
  await client.execute(command, args).catch((error: unknown) => {
    if (!hasCode(error, 'QMP_FAILED') || client.hasEnded()) throw error;
    log('debug', 'live', error.message);
  });
}
