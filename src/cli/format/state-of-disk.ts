import type { CloneReport } from '../../index.js';

/** What a disk is like that was copied at one moment. */
export const STATE_OF_DISK: Readonly<Record<CloneReport['consistency'], string>> = {
  stopped: 'as it was shut down',
  frozen: 'with its file systems frozen for the moment',
  crash: 'as after a power cut',
};
