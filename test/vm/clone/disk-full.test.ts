import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run } from '../../../src/process/run.js';
import { initialiseStore } from '../../../src/store/format.js';
import { cloneInstance } from '../../../src/vm/clone/clone-instance.js';
import type { Progress } from '../../../src/work.js';
import { openStore, type VirtualMachineStore } from '../../../src/vm/virtual-machine-store.js';
import { fillUp } from '../../support/fill-up.js';
import { canLoopMount, withLoopMount } from '../../support/loop-mount.js';
import { makeInstance } from '../../support/store-fixture.js';
import { expectRefusal } from '../../support/refusal.js';
import { replaceProgram } from '../../support/replace-program.js';

const MIB = 1024 ** 2;

async function storeIn(folder: string): Promise<VirtualMachineStore> {
  const store = openStore(join(folder, 'store'));
  await initialiseStore(store.layout);
  return store;
}

describe.runIf(canLoopMount)('a clone for which there is no space', () => {
  it('is refused before the work, with both figures', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = await storeIn(folder);
      await makeInstance(store.layout, 'web', { data: 32 });
      const phases: string[] = [];
      const onProgress = ({ phase }: Progress): number => phases.push(phase);
      const { layout } = store;
      const cloning = (): Promise<unknown> =>
        cloneInstance({ layout, source: 'web', work: { onProgress } });
      const error = await expectRefusal(store, cloning, 'DISK_FULL');
      const { needed, free } = error.details as { needed: number; free: number };
      expect(needed).toBeGreaterThan(32 * MIB);
      expect(needed).toBeLessThan(34 * MIB);
      expect(free).toBeLessThan(needed + 4 * MIB);
      const inMiB = (bytes: number): string => `${(bytes / MIB).toFixed(1)}MiB`;
      expect(error.message).toContain(`: ${inMiB(needed)} needed, ${inMiB(free)} free`);
      expect([...new Set(phases)]).toEqual(['copying']);
    });
  });

  it('is made when its active state fits, though the whole disk would not', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = await storeIn(folder);
      const dir = await makeInstance(store.layout, 'web', { data: 24 });
      await run('qemu-img', ['snapshot', '-c', '@s1', dir.disk]);
      const empty = join(folder, 'empty.qcow2');
      await run('qemu-img', ['create', '-q', '-f', 'qcow2', empty, '64M']);
      // All that the snapshot holds is discarded in the active state.
      await run('qemu-io', ['-f', 'qcow2', '-d', 'unmap', '-c', 'discard 0 64M', dir.disk]);
      fillUp(folder, 12 * MIB);
      const copy = await (await store.get('web')).clone();
      await run('qemu-img', ['compare', empty, store.layout.instance(copy.name).disk]);
    });
  });

  it('is undone when the space goes while the disk is copied', async () => {
    await withLoopMount('ext4', 256, async (folder) => {
      const store = await storeIn(folder);
      await makeInstance(store.layout, 'web', { data: 64 });
      await makeInstance(store.layout, 'tagged', { data: 64, tags: 1 });
      // Room for a half of what was found to fit.
      const others = `fallocate -l $(($(stat -f -c '%a * %S' "$(dirname "$LAST")") - 32 * 1024 * 1024)) ${folder}/others`;
      for (const [source, program] of Object.entries({ web: 'cp', tagged: 'qemu-img' })) {
        const vm = await store.get(source);
        await replaceProgram(`${folder}-programs`, program, `${others}; exec "$REAL" "$@"`);
        await expectRefusal(store, () => vm.clone(), 'DISK_FULL');
        await rm(join(folder, 'others'));
      }
    });
  });

  it('is undone when the space goes before the seed is written', async () => {
    await withLoopMount('ext4', 64, async (folder) => {
      const store = await storeIn(folder);
      await makeInstance(store.layout, 'web');
      const vm = await store.get('web');
      const onProgress = ({ phase }: Progress): void => {
        if (phase === 'publishing') fillUp(folder);
      };
      await expectRefusal(store, () => vm.clone(undefined, { work: { onProgress } }), 'DISK_FULL');
      expect(await readdir(store.layout.instances)).toEqual(['web']);
    });
  });
});
