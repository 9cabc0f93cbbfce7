import { chmod, rename } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { backingChain } from '../../../src/vm/disks/backing-chain.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { bootBlank, expectPattern, killQemu, writeAsGuest } from '../../support/blank-machine.js';
import { BEFORE, OVER, expectApart, test } from '../../support/running-web.js';

vi.setConfig({ testTimeout: 120_000 });

/** More than the levels that JSON of a stranger may have: QEMU nests what it says of a disk once for each of them. */
const BASES = 100;

/** Puts empty layers below the head, as that many live clones leave them, each of which had written something. */
async function stack(dir: InstanceDir): Promise<void> {
  for (let layer = 0; layer < BASES; layer += 1) {
    const base = `base-${layer.toString(16).padStart(24, '0')}.qcow2`;
    await rename(dir.disk, dir.file(base));
    await chmod(dir.file(base), 0o444);
    const backing = ['-F', 'qcow2', '-b', base];
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...backing, dir.disk], { cwd: dir.path });
  }
}

describe('a running instance on very many bases', () => {
  test('is cloned live, snapshotted, and not waited for for ever', async ({ runWeb, store }) => {
    const running = await runWeb();
    const { dir, layout } = running;
    await killQemu(dir);
    await stack(dir);
    await bootBlank(layout, 'web');
    await writeAsGuest(dir, BEFORE);
    const web = await store.get('web');
    await web.clone('linked', { live: true, linked: true });
    await web.clone('whole', { live: true });
    await web.snapshot({ name: 'hot', live: true });
    expect(backingChain(dir, readInstance(layout, 'web').disk).length).toBeGreaterThan(BASES);
    await web.deleteSnapshot('hot');
    await expectApart(running, ['linked', 'whole']);
    await expectPattern(dir.disk, OVER);
  });
});
