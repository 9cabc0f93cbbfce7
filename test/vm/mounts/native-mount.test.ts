import { tmpdir } from 'node:os';
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

function problemsOf(mounts: readonly Mount[], bridged = false): string[] {
  return planNativeMounts(mounts, bridged).refused.map(({ problem }) => problem);
}

describe('the native mounts of an instance', () => {
  it('make its QEMU seem the guest ids of their maps', () => {
    const mounts = [native('/a'), native('/b'), native('/c', { type: 'classic' })];
    expect(planNativeMounts(mounts, false)).toEqual({
      shares: ['/a', '/b'].map((target) => ({
        tag: mountTag(target),
        path: FOLDER,
        security: 'none',
      })),
      seenAs: { uid: 4321, gid: 1234 },
      refused: [],
    });
  });

  it('take 1000 for the default user, who is not there yet', () => {
    const mapped = {
      uidMappings: [{ host: UID, guest: -1 }],
      gidMappings: [{ host: GID, guest: 77 }],
    };
    const { seenAs } = planNativeMounts([native('/a', mapped)], false);
    expect(seenAs).toEqual({ uid: 1000, gid: 77 });
  });

  it('need no map for equal ids, where root gives files to whom the guest says', () => {
    const { shares, seenAs } = planNativeMounts([native('/a', UNMAPPED)], true);
    expect(seenAs).toBe(null);
    expect(shares.map(({ security }) => security)).toEqual([UID === 0 ? 'passthrough' : 'none']);
  });

  it('have one map in all', () => {
    const other = native('/b', { uidMappings: [{ host: UID, guest: 4322 }] });
    const problem = 'all native mounts of an instance need the same id maps';
    expect(problemsOf([native('/a'), other, native('/c')])).toEqual([problem]);
    expect(problemsOf([native('/a', UNMAPPED), native('/b')])).toEqual([problem]);
  });

  it('have one map each, of whoever runs the instance', () => {
    const twice = [
      { host: UID, guest: 1 },
      { host: UID + 1, guest: 2 },
    ];
    expect(problemsOf([native('/a', { uidMappings: twice })])).toEqual([
      'Only one mapping per native mount allowed.',
    ]);
    const others = native('/a', { uidMappings: [{ host: UID + 1, guest: 1 }] });
    expect(problemsOf([others])).toEqual([
      `a native mount can map the ids of whoever runs the instance, ${UID} and ${GID}, or none`,
    ]);
  });

  it('map no ids where QEMU makes taps', () => {
    expect(problemsOf([native('/a')], true)).toEqual([
      'id maps of native mounts need local.network=user',
    ]);
  });

  it('are without those whose folder is gone', () => {
    const gone = native('/a', { source: `${FOLDER}/never/there` });
    const { shares, refused } = planNativeMounts([gone, native('/b')], false);
    expect(shares.map(({ tag }) => tag)).toEqual([mountTag('/b')]);
    expect(refused).toEqual([
      { mount: gone, problem: `Source path "${FOLDER}/never/there" does not exist` },
    ]);
  });
});
