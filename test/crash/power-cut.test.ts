import { describe, expect, it } from 'vitest';
import { canLoopMount } from '../support/loop-mount.js';
import { cutPowerOf } from './power-cut-operations.js';

// All operations on all file systems: power-cut.long.ts.
describe.runIf(canLoopMount)(
  'whenever the power is cut, the store is as before or as after',
  () => {
    it.each([
      ['clone', 'ext4'],
      ['rename', 'xfs'],
      ['rename', 'btrfs'],
    ] as const)(
      'when it is cut during %s on %s',
      async (operation, fsType) => {
        expect(await cutPowerOf(operation, fsType)).toBeGreaterThan(2);
      },
      300_000,
    );
  },
);
