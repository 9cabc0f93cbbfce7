import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { buildLegacyData } from '../../../fixtures/legacy/build.js';
import { IMAGES } from '../../../fixtures/legacy/images.js';
import type { LegacyInstance } from '../../../fixtures/legacy/instances.js';
import { SHAPES } from '../../../fixtures/legacy/shapes.js';
import { run } from '../../../src/process/run.js';
import { contentOf, contentsOf } from '../../support/disk-content.js';
import { test, type GuestStore } from './support.js';

const MIB = 1024 ** 2;
const BOOTS = { timeout: 400_000 };

/** An instance as a release of Multipass left it, but for its disk, which is that of a guest that boots. */
const legacy = (
  name: string,
  release: LegacyInstance['release'],
  tail: string,
): LegacyInstance => ({
  name,
  release,
  image: IMAGES.jammy,
  instanceId: name,
  mac: `52:54:00:77:00:${tail}`,
  cpus: 1,
  memory: 512 * MIB,
  disk: 1024 * MIB,
  state: 0,
  diskSteps: [],
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
    await migrateInto(guests, { ...legacy('asleep', '1.16', '03'), state: 6 }, async (disk) => {
      await run('qemu-img', ['snapshot', '-c', 'suspend', disk]);
    });
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

  test(
    'takes snapshots beside those of old, and goes back to either',
    BOOTS,
    async ({ guests }) => {
      const { ok, layout } = guests;
      await migrateInto(guests, WITH_SNAPSHOTS, async (disk) => {
        await writeState(disk, 'first', '@s1');
        await writeState(disk, 'second', '@s2');
        await writeState(disk, 'third');
      });
      const dir = layout.instance('kept');
      const old = await contentsOf(dir);
      await ok(['start', 'kept']);
      expect(await stateIn(guests, 'kept')).toMatchObject({ files: 'third', memory: 640 });
      await guests.sh('kept', 'echo ours >own; sync');
      await ok(['stop', 'kept']);
      expect(await ok(['snapshot', 'kept'])).toBe('Snapshot taken: kept.snapshot1\n');
      const ours = await contentOf(dir);
      const rows = ['kept,fresh,,"of old"', 'kept,second,fresh,""', 'kept,snapshot1,second,""'];
      expect(await snapshotRows(guests)).toEqual(rows);

      await ok(['restore', '--destructive', 'kept.fresh']);
      await ok(['start', 'kept']);
      expect(describedBy(guests, 'kept')).toMatchObject({ id: 'kept', mac: WITH_SNAPSHOTS.mac });
      expect(await stateIn(guests, 'kept')).toMatchObject({ files: 'first', memory: 512 });
      await ok(['stop', 'kept']);

      await ok(['restore', '--destructive', 'kept.snapshot1']);
      expect(await contentOf(dir)).toBe(ours);
      await ok(['start', 'kept']);
      expect(await stateIn(guests, 'kept')).toMatchObject({ files: 'third ours', memory: 640 });
      await ok(['stop', 'kept']);

      await ok(['delete', '--purge', 'kept.fresh']);
      expect(await snapshotRows(guests)).toEqual(['kept,second,,""', rows[2]]);
      await ok(['restore', '--destructive', 'kept.second']);
      expect(await contentOf(dir)).toBe(old['@s2']);
      expect(await contentsOf(dir)).toEqual({ '@s2': old['@s2'], '@s3': ours });
      await run('qemu-img', ['check', '-q', dir.disk]);
    },
  );
});

const WITH_SNAPSHOTS: LegacyInstance = {
  ...legacy('kept', '1.16', '04'),
  memory: 640 * MIB,
  disk: 512 * MIB,
  snapshots: [
    {
      name: 'fresh',
      comment: 'of old',
      parent: 0,
      created: '2026-03-02T08:15:30.125Z',
      instanceId: 'kept',
      memory: 512 * MIB,
    },
    {
      name: 'second',
      comment: '',
      parent: 1,
      created: '2026-04-11T17:00:00.000Z',
      instanceId: 'kept',
    },
  ],
  snapshotHead: 2,
};

/** What a guest has in its home, and its memory in MiB, of which the kernel keeps less than 128. */
async function stateIn(
  guests: GuestStore,
  name: string,
): Promise<{ readonly files: string; readonly memory: number }> {
  const memory = "awk '/^MemTotal/ { print $2 }' /proc/meminfo";
  const lines = (await guests.sh(name, `echo $(cat state own 2>/dev/null); ${memory}`)).split('\n');
  const [files = '', kibibytes] = lines;
  return { files, memory: Math.ceil(Number(kibibytes) / 1024 / 128) * 128 };
}

async function snapshotRows({ ok }: GuestStore): Promise<string[]> {
  const csv = await ok(['list', '--snapshots', '--format', 'csv']);
  return csv.trimEnd().split('\n').slice(1);
}

/** Makes the instance as a Multipass of its time would have, with what is then done to its disk, and migrates it. */
async function migrateInto(
  guests: GuestStore,
  instance: LegacyInstance,
  change: (disk: string) => Promise<void> = () => Promise.resolve(),
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-legacy-'));
  try {
    const { paths } = await buildLegacyData(join(folder, 'old'), { instances: [instance] });
    const disk = paths.disk(instance.name, instance.image);
    await writeGuestDisk(guests, disk, instance);
    await change(disk);
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

/** The first MiB is the boot sector's. */
const ROOT_OFFSET = MIB;

/** Has the guest's file system hold a file, as if the guest had written it, and takes an internal snapshot. */
async function writeState(disk: string, text: string, tag?: string): Promise<void> {
  const [raw, file] = [`${disk}.raw`, `${disk}.file`];
  try {
    await writeFile(file, `${text}\n`);
    await run('qemu-img', ['convert', '-O', 'raw', disk, raw]);
    for (const request of ['rm /home/ubuntu/state', `write ${file} /home/ubuntu/state`]) {
      await run('debugfs', ['-w', '-R', request, `${raw}?offset=${ROOT_OFFSET}`]);
    }
    await run('qemu-img', ['convert', '-n', '-f', 'raw', '-O', 'qcow2', raw, disk]);
    if (tag !== undefined) await run('qemu-img', ['snapshot', '-c', tag, disk]);
  } finally {
    await rm(raw, { force: true });
    await rm(file, { force: true });
  }
}

/** What the guest says of itself on its console, once it is up. */
function describedBy({ layout }: GuestStore, name: string): Readonly<Record<string, string>> {
  const text = readFileSync(layout.instance(name).consoleLog, 'utf8');
  const [, line = ''] = /TINY-READY (.*)/.exec(text) ?? [];
  return Object.fromEntries(
    [...line.matchAll(/(\S+)=(\S*)/g)].map(([, key = '', value = '']) => [key, value]),
  );
}
