import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { buildLegacyData } from '../../../fixtures/legacy/build.js';
import { IMAGES } from '../../../fixtures/legacy/images.js';
import type { LegacyInstance } from '../../../fixtures/legacy/instances.js';
import { SHAPES } from '../../../fixtures/legacy/shapes.js';
import { run } from '../../../src/exec.js';
import { test, type GuestStore } from './support.js';

const MIB = 1024 ** 2;
const BOOTS = { timeout: 400_000 };

/** An instance as a release of Multipass left it, but for its disk, which is that of a guest that boots. */
const legacy = (
  name: string,
  release: LegacyInstance['release'],
  tail: string,
): LegacyInstance => ({
  ...{ name, release, image: IMAGES.jammy, instanceId: name, mac: `52:54:00:77:00:${tail}` },
  ...{ cpus: 1, memory: 512 * MIB, disk: 1024 * MIB, state: 0, diskSteps: [] },
});

describe('a guest of an old Multipass', () => {
  test.for([
    { title: 'that had no network-config, as until 1.14', instance: legacy('old', '1.12', '01') },
    { title: 'of 1.15', instance: legacy('newer', '1.15', '02') },
  ])(
    '$title boots as itself, and its clone as another',
    BOOTS,
    async ({ instance }, { guests }) => {
      const { name } = instance;
      await migrateInto(guests, instance);
      await guests.ok(['start', name]);
      const itself = describedBy(guests, name);
      expect(itself).toMatchObject({ host: name, id: name, mac: instance.mac });
      // By the key of old: the store has made none.
      expect(existsSync(guests.layout.key('id_ed25519'))).toBe(false);
      expect(await guests.sh(name, 'id -un; sudo id -u')).toBe('ubuntu\n0');
      await guests.sh(name, 'echo something >kept; sync');
      await guests.ok(['stop', name]);

      const copy = `${name}-clone1`;
      await guests.ok(['clone', name]);
      await guests.ok(['start', copy]);
      const other = describedBy(guests, copy);
      const { uuid, interfaces } = JSON.parse(
        readFileSync(guests.layout.instance(copy).spec, 'utf8'),
      ) as { uuid: string; interfaces: { mac: string }[] };
      expect(other).toMatchObject({ host: copy, id: uuid, mac: interfaces[0]?.mac });
      for (const what of ['mac', 'machine-id', 'hostkey']) {
        expect(other[what], what).toBeTruthy();
        expect(other[what], what).not.toBe(itself[what]);
      }
      expect(await guests.sh(copy, 'id -un; cat kept')).toBe('ubuntu\nsomething');
      await guests.ok(['stop', copy]);
    },
  );

  test('that was suspended starts once its memory is dropped', BOOTS, async ({ guests }) => {
    await migrateInto(guests, { ...legacy('asleep', '1.16', '03'), state: 6 }, ['suspend']);
    expect(await guests.multipass(['start', 'asleep'])).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining('multipass stop --force asleep') as unknown,
    });
    expect(await guests.ok(['list', '--format', 'csv'])).toMatch(/^asleep,Suspended,/m);
    await guests.ok(['stop', '--force', 'asleep']);
    await guests.ok(['start', 'asleep']);
    expect(await guests.sh('asleep', 'hostname')).toBe('asleep');
    await guests.ok(['stop', 'asleep']);
  });
});

/** Makes the instance as a Multipass of its time would have, with internal snapshots by these names, and migrates it. */
async function migrateInto(
  guests: GuestStore,
  instance: LegacyInstance,
  tags: readonly string[] = [],
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-legacy-'));
  try {
    const { paths } = await buildLegacyData(join(folder, 'old'), { instances: [instance] });
    const disk = paths.disk(instance.name, instance.image);
    await writeGuestDisk(guests, disk, instance);
    for (const tag of tags) await run('qemu-img', ['snapshot', '-c', tag, disk]);
    await guests.ok(['migrate', '--from', paths.root]);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The whole guest in one file, in the format of the time. */
async function writeGuestDisk(
  { image }: GuestStore,
  disk: string,
  { release, disk: size }: LegacyInstance,
): Promise<void> {
  const { compat } = SHAPES[release];
  await run('qemu-img', ['convert', '-O', 'qcow2', '-o', `compat=${compat}`, image, disk]);
  await run('qemu-img', ['resize', '-q', disk, String(size)]);
}

/** What the guest says of itself on its console, once it is up. */
function describedBy({ layout }: GuestStore, name: string): Readonly<Record<string, string>> {
  const text = readFileSync(layout.instance(name).consoleLog, 'utf8');
  const [, line = ''] = /TINY-READY (.*)/.exec(text) ?? [];
  return Object.fromEntries(
    [...line.matchAll(/(\S+)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]),
  );
}
