import { log } from '../../log.js';
import { EphemeralLease, purgeWithUuid, sweepEphemeral } from '../ephemeral.js';
import { launchInstance } from './launch-instance.js';
import type { LaunchReport, LaunchRequest } from './launch-request.js';

/** An instance that was launched, and what makes it end with this process. */
export interface EphemeralLaunch {
  readonly report: LaunchReport;
  readonly lease: EphemeralLease;
}

/**
 * Launches an instance that is marked before it is visible: whatever becomes of this process, the next command that
 * changes the store purges it. When this rejects nothing of it is left, or it is left to that command.
 * @throws MultipassError as `launchInstance`
 */
export async function launchEphemeral(request: LaunchRequest): Promise<EphemeralLaunch> {
  const { layout } = request;
  await sweepEphemeral(layout);
  const leases: EphemeralLease[] = [];
  const beforePublish = async (uuid: string): Promise<void> => {
    // Of a try whose image was purged by another command meanwhile.
    await leases.pop()?.release();
    leases.push(await EphemeralLease.take(layout, uuid));
  };
  try {
    const report = await launchInstance({ ...request, beforePublish });
    const [lease] = leases;
    if (lease === undefined) throw new Error('an ephemeral launch without a lease');
    return { report, lease };
  } catch (error) {
    for (const lease of leases) await endFailed(request, lease);
    throw error;
  }
}

/** What is told is why the launch failed. */
async function endFailed({ layout }: LaunchRequest, lease: EphemeralLease): Promise<void> {
  try {
    await purgeWithUuid(layout, lease.uuid);
    await lease.release();
  } catch (error) {
    log('warning', 'ephemeral', `a failed launch is left for now: ${(error as Error).message}`);
  }
}
