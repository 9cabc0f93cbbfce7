import { appendFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { canLoopMount } from '../support/loop-mount.js';
import { CUT_OPERATIONS, cutPowerOf } from './power-cut-operations.js';

const FILE_SYSTEMS = ['ext4', 'xfs', 'btrfs'] as const;
const ALL = Object.keys(CUT_OPERATIONS).flatMap((operation) =>
  FILE_SYSTEMS.map((fsType) => [operation, fsType] as const),
);

describe.runIf(canLoopMount)(
  'whenever the power is cut, the store is as before or as after',
  () => {
    it.each(ALL)(
      'when it is cut during %s on %s',
      async (operation, fsType) => {
        const cuts = await cutPowerOf(operation, fsType);
        expect(cuts).toBeGreaterThan(2);
        const file = process.env['MULTIPASS_TEST_FIGURES'];
        if (file !== undefined) appendFileSync(file, `${operation}\t${fsType}\t${cuts}\n`);
      },
      900_000,
    );
  },
);
