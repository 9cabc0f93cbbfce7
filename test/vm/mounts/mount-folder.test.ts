import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { describe, expect } from 'vitest';
import { takeKernelLock } from '../../../src/store/kernel-lock.js';
import { mountFolder } from '../../../src/vm/mounts/mount-folder.js';
import { unmountFolder } from '../../../src/vm/mounts/unmount-folder.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import type { Mount } from '../../../src/vm/records/mount.js';
import { VirtualMachine } from '../../../src/vm/virtual-machine.js';
import { lockIsAwaited } from '../../support/lock-waiter.js';
import { makeInstance, test as base } from '../../support/store-fixture.js';

const OWN = {
  uidMappings: [{ host: geteuid!(), guest: -1 }],
  gidMappings: [{ host: getegid!(), guest: -1 }],
};

const test = base.extend<{ source: string; mounts: () => readonly Mount[] }>({
  source: async ({ root }, use) => {
    const source = join(root, '..', 'src');
    await mkdir(source);
    await use(source);
  },
  mounts: async ({ store }, use) => {
    await use(() => readInstance(store.layout, 'web').spec.mounts);
  },
});

describe('mounting a folder in a stopped instance', () => {
  test('is written down for its next start', async ({ store, source, mounts }) => {
    await makeInstance(store.layout, 'web');
    const vm = await store.get('web');
    expect(await vm.mount(source)).toBe('/home/ubuntu/src');
    const uidMappings = [{ host: 1, guest: 2 }];
    expect(await vm.mount(source, { target: '/mnt', uidMappings })).toBe('/mnt');
    expect(await vm.mount(source, { target: 'nat', type: 'native' })).toBe('/home/ubuntu/nat');
    expect(mounts()).toEqual([
      { source, target: '/home/ubuntu/src', type: 'classic', ...OWN },
      { source, target: '/mnt', type: 'classic', ...OWN, uidMappings },
      { source, target: '/home/ubuntu/nat', type: 'native', ...OWN },
    ]);
    expect((await vm.clone()).spec.mounts).toEqual(mounts());
  });

  test('refuses a target that is one already, and what cannot be', async ({
    store,
    source,
    mounts,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    await makeInstance(layout, 'gone', { spec: { deleted: true } });
    await mountFolder({ layout, name: 'web', source });
    const before = mounts();
    const twice = [
      { host: 1, guest: 2 },
      { host: 1, guest: 3 },
    ];
    const refused = [
      [{ source }, 'MOUNT_EXISTS', `"/home/ubuntu/src" is already mounted in 'web'`],
      [{ source, target: '/home/ubuntu/src/' }, 'MOUNT_EXISTS', 'is already mounted'],
      [{ source: `${source}/nope` }, 'INVALID_ARGUMENT', 'does not exist'],
      [{ source, target: '/proc' }, 'INVALID_ARGUMENT', 'unable to mount to "/proc"'],
      [
        { source, target: 'x', uidMappings: twice },
        'INVALID_ARGUMENT',
        'the host id 1 is mapped twice',
      ],
      [
        { source, target: 'x', type: 'native', gidMappings: twice },
        'INVALID_ARGUMENT',
        'the host id 1 is mapped twice',
      ],
      [{ source, name: 'nope' }, 'INSTANCE_NOT_FOUND', 'instance "nope" does not exist'],
      [{ source, name: 'gone' }, 'INSTANCE_DELETED', 'instance "gone" is deleted'],
    ] as const;
    for (const [request, code, message] of refused) {
      await expect(mountFolder({ layout, name: 'web', ...request })).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message) as string,
      });
    }
    expect(mounts()).toEqual(before);
  });

  test('is refused where mounts are switched off', async ({ store, source, mounts }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    await writeFile(layout.settingsFile, '{"local.privileged-mounts": "false"}');
    await expect(mountFolder({ layout, name: 'web', source })).rejects.toThrow(
      'Mounts are disabled on this installation of Multipass.',
    );
    expect(mounts()).toEqual([]);
  });

  test('loses none of several at once', async ({ store, source, mounts }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    const targets = Array.from({ length: 8 }, (_, index) => `/mnt/${index}`);
    await Promise.all(
      targets.map((target) => mountFolder({ layout, name: 'web', source, target })),
    );
    expect(
      mounts()
        .map(({ target }) => target)
        .toSorted(),
    ).toEqual(targets);
  });

  test('waits for who began while the instance still ran', async ({ store, source, mounts }) => {
    const { layout } = store;
    const dir = await makeInstance(layout, 'web');
    await mkdir(dir.run);
    const other = await takeKernelLock(dir.mountsLock, { mode: 'exclusive', wait: true });
    const vm = VirtualMachine.open(layout, 'web');
    const mounting = vm.mount(source);
    await lockIsAwaited(dir.mountsLock, mounting);
    expect(mounts()).toEqual([]);
    await other!.close();
    await mounting;
    expect(mounts()).toHaveLength(1);
  });
});

describe('taking mounts off a stopped instance', () => {
  test('is one of them, or all, also when their folders are gone', async ({
    store,
    source,
    mounts,
  }) => {
    const { layout } = store;
    await makeInstance(layout, 'web');
    for (const target of ['a', 'b', '/c'])
      await mountFolder({ layout, name: 'web', source, target });
    await rm(source, { recursive: true });
    await unmountFolder({ layout, name: 'web', target: 'b/' });
    expect(mounts().map(({ target }) => target)).toEqual(['/home/ubuntu/a', '/c']);
    await expect(unmountFolder({ layout, name: 'web', target: 'b' })).rejects.toMatchObject({
      code: 'MOUNT_NOT_FOUND',
      message: `path "/home/ubuntu/b" is not mounted in 'web'`,
    });
    await VirtualMachine.open(layout, 'web').unmount();
    expect(mounts()).toEqual([]);
    await unmountFolder({ layout, name: 'web' });
  });
});
