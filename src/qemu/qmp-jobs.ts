import { MultipassError } from '../errors.js';
import { asObject, type QmpClient } from './qmp-client.js';

let nextJob = 1;

/**
 * Runs one of QEMU's background jobs to its end and removes it: `snapshot-save`, `snapshot-delete`, …
 * @param command a command that takes a `job-id`
 * @param id what it is called, where others are to find it
 * @throws MultipassError QMP_FAILED with the job's error, or when QEMU ends before
 */
export async function runJob(
  client: QmpClient,
  command: string,
  args: Readonly<Record<string, unknown>>,
  id = newJobId(),
): Promise<void> {
  let forget: () => void = () => undefined;
  const concluded = new Promise<void>((resolve) => {
    forget = client.onEvent(({ event, data }) => {
      const isOurs = event === 'JOB_STATUS_CHANGE' && data['id'] === id;
      if (isOurs && data['status'] === 'concluded') resolve();
    });
  });
  try {
    await client.execute(command, { 'job-id': id, ...args });
    await Promise.race([concluded, client.closed]);
    const error = await errorOf(client, id);
    await client.execute('job-dismiss', { id });
    if (error !== undefined) throw jobFailed(command, error);
  } finally {
    forget();
  }
}

function newJobId(): string {
  const id = `multipass-${process.pid}-${nextJob}`;
  nextJob += 1;
  return id;
}

async function errorOf(client: QmpClient, id: string): Promise<string | undefined> {
  const jobs = await client.execute('query-jobs');
  const job = Array.isArray(jobs) ? jobs.map(asObject).find((one) => one['id'] === id) : undefined;
  const error = job?.['error'];
  return typeof error === 'string' ? error : undefined;
}

/** What it means that a job has failed. */
export function jobFailed(command: string, error: string): MultipassError {
  if (error.includes('No space left')) {
    return new MultipassError('DISK_FULL', `no space left for QEMU to do "${command}": ${error}`, {
      hint: 'Free some space, for example with `multipass purge`, then try again.',
    });
  }
  return new MultipassError('QMP_FAILED', `QEMU failed to do "${command}": ${error}`, {
    hint: 'Look at what QEMU says, and at the disk of the instance, then try again.',
    details: { command, description: error },
  });
}
