import { aloneOnNetwork } from '../network/network-lock.js';
import { partsOfShared } from '../network/shared-damage.js';
import { endSharedIfIdle } from '../network/shared-network.js';
import { MultipassError } from '../../errors.js';
import type { Examination } from './examination.js';
import type { Mend } from './finding.js';

/** The network that the instances share: what was killed, or is left of it. Its records are told of by themselves. */
export function checkNetworks(examination: Examination): void {
  const { layout } = examination;
  try {
    const { damage } = partsOfShared(layout);
    if (damage.length === 0) return;
    examination.note('network-damaged', {
      path: layout.sharedNetwork,
      message: `the network that instances share is damaged: ${damage.join(', ')}`,
      hint: 'The next instance that starts mends it, as does `multipass network run -- true`.',
      mend: endLeftovers,
    });
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
  }
}

/** What nobody is on any more goes; what somebody is on stays as it is. */
const endLeftovers: Mend = async ({ layout, work }) => {
  await aloneOnNetwork(layout, work.signal, async () => await endSharedIfIdle(layout));
};
