import { describe, expect, it } from 'vitest';
import { OPERATIONS } from './operations.js';
import { tryOnce } from './try-once.js';

/** qemu-img exits with 0 when it could not write out the tables of an image as it closed it. */
describe('an error of the last sync of qemu-img', () => {
  it('never costs a snapshot its content, nor is success reported', async () => {
    const { scenario, remove } = await OPERATIONS['flatten, with snapshots']!();
    try {
      const { steps } = (await tryOnce(scenario, null)).run;
      const syncs = [...steps.entries()].filter(
        ([, { process, syscall, paths }]) =>
          [process, syscall].join(' ') === 'qemu-img fdatasync' &&
          paths[0]?.endsWith('/difference.qcow2') === true,
      );
      // The last one of each of its two rebases: nothing is left to be written after it.
      const last = syncs.filter(([step]) => steps[step + 1]?.syscall.startsWith('pwrite') !== true);
      expect(last.length).toBeGreaterThan(0);
      for (const [step] of last) {
        // qemu-img does not write in the same order each time: whatever is struck, all holds that has to.
        const { run } = await tryOnce(scenario, { step, strike: 'EIO' });
        const { process, syscall } = run.steps[step]!;
        if (`${process} ${syscall}` !== 'qemu-img fdatasync') continue;
        expect(run.exitCode).toBe(2);
        expect(run.stderr).toContain('qemu-img failed');
      }
    } finally {
      await remove();
    }
  }, 300_000);

  // With the table of the snapshots the header's place for it is written, and synced, last but two.
  it.each(['snapshot', 'delete of snapshots'])(
    'never costs a disk its snapshots, in a %s',
    async (operation) => {
      const { scenario, remove } = await OPERATIONS[operation]!();
      try {
        const { steps } = (await tryOnce(scenario, null)).run;
        const syncs = [...steps.entries()].filter(
          ([, { process, syscall }]) => [process, syscall].join(' ') === 'qemu-img fdatasync',
        );
        expect(syncs.length).toBeGreaterThan(3);
        for (const [step] of syncs.slice(-4)) {
          const { run } = await tryOnce(scenario, { step, strike: 'EIO' }, { repeats: true });
          expect(run.fired).toBe(true);
        }
      } finally {
        await remove();
      }
    },
    300_000,
  );
});
