import { chmod, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { describe, expect, it } from 'vitest';
import { mountTag } from '../../../src/vm/mounts/mount-tag.js';
import { planNativeMounts } from '../../../src/vm/mounts/native-mount.js';
import type { Mount } from '../../../src/vm/records/mount.js';

const [UID, GID] = [geteuid!(), getegid!()];
const FOLDER = tmpdir();

function native(target: string, change: Partial<Mount> = {}): Mount {
  return {
    source: FOLDER,
    target,
    type: 'native',
    uidMappings: [{ host: UID, guest: 4321 }],
    gidMappings: [{ host: GID, guest: 1234 }],
    ...change,
  };
}

const UNMAPPED = {
  uidMappings: [{ host: 77, guest: 77 }],
  gidMappings: [],
} as const;

async function problemsOf(mounts: readonly Mount[], makesTaps = false): Promise<string[]> {
  return (await planNativeMounts(mounts, { makesTaps })).refused.map(({ problem }) => problem);
}

describe('the native mounts of an instance', () => {
  it('make its QEMU seem the guest ids of their maps', async () => {
    const mounts = [native('/a'), native('/b'), native('/c', { type: 'classic' })];
    expect(await planNativeMounts(mounts, { makesTaps: false })).toEqual({
      shares: ['/a', '/b'].map((target) => ({
        tag: mountTag(target),
        path: FOLDER,
        security: 'none',
      })),
      seenAs: { uid: 4321, gid: 1234 },
      refused: [],
    });
  });

  it('take 1000 for the default user, who is not there yet', async () => {
    const mapped = {
      uidMappings: [{ host: UID, guest: -1 }],
      gidMappings: [{ host: GID, guest: 77 }],
    };
    const { seenAs } = await planNativeMounts([native('/a', mapped)], { makesTaps: false });
    expect(seenAs).toEqual({ uid: 1000, gid: 77 });
  });

  it('need no map for equal ids, where root gives files to whom the guest says', async () => {
    const { shares, seenAs } = await planNativeMounts([native('/a', UNMAPPED)], {
      makesTaps: true,
    });
    expect(seenAs).toBe(null);
    expect(shares.map(({ security }) => security)).toEqual([UID === 0 ? 'passthrough' : 'none']);
  });

  it('have one map in all', async () => {
    const other = native('/b', { uidMappings: [{ host: UID, guest: 4322 }] });
    const problem = 'all native mounts of an instance need the same id maps';
    expect(await problemsOf([native('/a'), other, native('/c')])).toEqual([problem]);
    expect(await problemsOf([native('/a', UNMAPPED), native('/b')])).toEqual([problem]);
  });

  it('have one map each, of whoever runs the instance', async () => {
    const twice = [
      { host: UID, guest: 1 },
      { host: UID + 1, guest: 2 },
    ];
    expect(await problemsOf([native('/a', { uidMappings: twice })])).toEqual([
      'Only one mapping per native mount allowed.',
    ]);
    const others = native('/a', { uidMappings: [{ host: UID + 1, guest: 1 }] });
    expect(await problemsOf([others])).toEqual([
      `a native mount can map the ids of whoever runs the instance, ${UID} and ${GID}, or none`,
    ]);
  });

  it('map no ids where QEMU makes taps', async () => {
    expect(await problemsOf([native('/a')], true)).toEqual([
      'id maps of native mounts need local.network=user',
    ]);
  });

  it('are without those whose folder is gone', async () => {
    const gone = native('/a', { source: `${FOLDER}/never/there` });
    const { shares, refused } = await planNativeMounts([gone, native('/b')], { makesTaps: false });
    expect(shares.map(({ tag }) => tag)).toEqual([mountTag('/b')]);
    expect(refused).toEqual([
      { mount: gone, problem: `Source path "${FOLDER}/never/there" does not exist` },
    ]);
  });

  // Whoever is not root may make it readable; root has the right to read all, but not with mapped ids.
  it.runIf(UID === 0)('are without those that root may not read with mapped ids', async () => {
    const root = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
    try {
      await chmod(root, 0o755);
      for (const [mode, mapped, unmapped] of [
        [0o755, [], []],
        [0o444, ['/a'], []],
        [0o000, ['/a'], []],
      ] as const) {
        const source = join(root, mode.toString(8));
        await mkdir(source);
        await chmod(source, mode);
        const refusedOf = async (change: Partial<Mount>): Promise<string[]> => {
          const plan = await planNativeMounts([native('/a', { source, ...change })], {
            makesTaps: false,
          });
          return plan.refused.map(({ mount }) => mount.target);
        };
        expect(await refusedOf({}), `${mode}`).toEqual(mapped);
        expect(await refusedOf(UNMAPPED), `${mode}`).toEqual(unmapped);
      }
    } finally {
      await rm(root, { recursive: true });
    }
  });

  it('are without a file', async () => {
    const file = native('/a', { source: '/etc/passwd' });
    const { refused } = await planNativeMounts([file], { makesTaps: false });
    expect(refused).toEqual([
      { mount: file, problem: 'Source path "/etc/passwd" is not a directory' },
    ]);
  });
});
