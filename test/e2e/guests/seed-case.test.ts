import { execFile } from 'node:child_process';
import {
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readMachine } from '../../../src/vm/records/machine-record.js';
import { BIN } from '../../support/bin.js';
import { environment, withoutPhases } from '../../support/command.js';
import { hashTree } from '../../support/hash-tree.js';
import { expectNothingLeft, test, type GuestStore } from './support.js';

/**
 * An instance with a mount of each type and three snapshots is cloned, and both run at once. The tests are the steps of
 * one story: each goes on where the one before it ended.
 */

const NATIVE = { type: 'native', target: '/home/ubuntu/native' } as const;
const CLASSIC = { type: 'classic', target: '/mnt/classic mount' } as const;
type Place = typeof NATIVE | typeof CLASSIC;

const SNAPSHOTS = ['snapshot1', 'snapshot2', 'snapshot3'] as const;

/** The files of the source's folder, once it was cloned. */
let sourceFiles: Readonly<Record<string, string>>;

describe('an instance', () => {
  test('gets mounts of both types, and three snapshots', async ({ guests }) => {
    const { ok } = guests;
    await guests.launch('web', '--disk', '1G');
    await guests.sh('web', 'echo precious >data; head -c 5000000 /dev/urandom >blob; sync');
    await ok(['stop', 'web']);
    const takesSnapshot = async (name: string): Promise<void> => {
      expect(await ok(['snapshot', 'web'])).toBe(`Snapshot taken: web.${name}\n`);
    };
    await takesSnapshot('snapshot1');

    await ok(['mount', '--type', 'native', sourceOf(guests, NATIVE), `web:${NATIVE.target}`]);
    await takesSnapshot('snapshot2');

    await ok(['start', 'web']);
    const ids = ['-u', `${geteuid?.() ?? 0}:1000`, '-g', `${getegid?.() ?? 0}:1000`];
    await ok(['mount', ...ids, sourceOf(guests, CLASSIC), `web:${CLASSIC.target}`]);
    await expectMounted(guests, 'web', [NATIVE, CLASSIC]);
    await guests.sh('web', 'echo more >>data; sync');
    await ok(['stop', 'web']);
    await takesSnapshot('snapshot3');
    expect(mountsOf(guests, 'web')).toEqual([
      { ...NATIVE, source: sourceOf(guests, NATIVE), guestIds: [-1, -1] },
      { ...CLASSIC, source: sourceOf(guests, CLASSIC), guestIds: [1000, 1000] },
    ]);
  });

  test('is cloned with its mounts, and without its snapshots', async ({ guests }) => {
    const { layout, ok } = guests;
    const [source, clone] = [layout.instance('web'), layout.instance('web-clone1')];
    sourceFiles = await hashTree(source.path);
    expect(await ok(['clone', 'web'])).toContain('Cloned from web to web-clone1.\n');
    expect(await hashTree(source.path)).toEqual(sourceFiles);

    const [of, copy] = [readInstance(layout, 'web'), readInstance(layout, 'web-clone1')];
    expect(copy.spec.mounts).toEqual(of.spec.mounts);
    expect(copy.spec.snapshotHead).toBe(0);
    expect(readdirSync(clone.path).toSorted()).toEqual(
      readdirSync(source.path)
        .filter((name) => !['snapshots', 'run'].includes(name))
        .toSorted(),
    );
    expect(await tagsOf(guests, 'web')).toEqual(['@s1', '@s2', '@s3']);
    expect(await tagsOf(guests, 'web-clone1')).toEqual([]);
    expect(await snapshotRows(guests)).toEqual(rowsOf('web', SNAPSHOTS));
    await run('qemu-img', ['check', '-q', clone.disk]);
  });
});

describe('its clone', () => {
  test('boots with both mounts, and leaves the source as it is', async ({ guests }) => {
    await guests.ok(['start', 'web-clone1']);
    await expectMounted(guests, 'web-clone1', [NATIVE, CLASSIC]);
    expect(await hashTree(guests.layout.instance('web').path)).toEqual(sourceFiles);
  });

  test('is another machine than its source, at the same time', async ({ guests }) => {
    const { layout } = guests;
    await guests.ok(['start', 'web']);
    const [source, clone] = [
      await identityOf(guests, 'web'),
      await identityOf(guests, 'web-clone1'),
    ];
    for (const [what, own] of Object.entries(clone.own)) {
      expect({ what, own }).not.toEqual({ what, own: source.own[what] });
      expect({ what, own }).not.toEqual({ what, own: '' });
    }
    expect(clone.inCommon).toEqual(source.inCommon);
    expect(source.inCommon).toMatchObject({ user: 'ubuntu', data: 'precious more' });
    for (const [name, { own }] of [
      ['web', source],
      ['web-clone1', clone],
    ] as const) {
      const { uuid, interfaces } = readInstance(layout, name).spec;
      expect(own).toMatchObject({ hostname: name, 'SMBIOS uuid': uuid, 'instance-id': uuid });
      expect(own['MAC address']).toBe(interfaces[0].mac.toString());
    }
  });

  test('has mounts that are its own', async ({ guests }) => {
    for (const name of ['web', 'web-clone1']) await expectMounted(guests, name, [NATIVE, CLASSIC]);
    await guests.ok(['umount', `web-clone1:${CLASSIC.target}`]);
    await expectMounted(guests, 'web-clone1', [NATIVE]);
    await expectMounted(guests, 'web', [NATIVE, CLASSIC]);
    await guests.ok(['stop', 'web-clone1']);
    await expectMounted(guests, 'web', [NATIVE, CLASSIC]);
  });

  test('has snapshots that are its own, from the first number on', async ({ guests }) => {
    const { ok } = guests;
    const withoutClassic = mountsOf(guests, 'web-clone1');
    expect(await ok(['snapshot', 'web-clone1'])).toBe('Snapshot taken: web-clone1.snapshot1\n');
    await ok(['mount', sourceOf(guests, CLASSIC), `web-clone1:${CLASSIC.target}`]);
    expect(await ok(['snapshot', 'web-clone1'])).toBe('Snapshot taken: web-clone1.snapshot2\n');
    expect(mountsOf(guests, 'web-clone1')).toHaveLength(2);
    await ok(['restore', '--destructive', 'web-clone1.snapshot1']);
    expect(mountsOf(guests, 'web-clone1')).toEqual(withoutClassic);

    const own = ['snapshot1', 'snapshot2'];
    expect(await snapshotRows(guests)).toEqual([
      ...rowsOf('web', SNAPSHOTS),
      ...rowsOf('web-clone1', own),
    ]);
    expect(await tagsOf(guests, 'web-clone1')).toEqual(['@s1', '@s2']);
    expect(await tagsOf(guests, 'web')).toEqual(['@s1', '@s2', '@s3']);
    expect(await ok(['clone', 'web-clone1'])).toContain('to web-clone1-clone1.\n');
  });

  test('of it suspended has no memory of that', async ({ guests }) => {
    const { layout, ok } = guests;
    await expectMounted(guests, 'web', [NATIVE, CLASSIC]);
    await ok(['suspend', 'web']);
    expect(await tagsOf(guests, 'web')).toEqual(['@s1', '@s2', '@s3', 'suspend']);
    const files = await hashTree(layout.instance('web').path);
    expect(await ok(['clone', '--cold', 'web'])).toContain('to web-clone2.\n');
    expect(await hashTree(layout.instance('web').path)).toEqual(files);
    expect(await tagsOf(guests, 'web-clone2')).toEqual([]);
    expect(mountsOf(guests, 'web-clone2')).toEqual(mountsOf(guests, 'web'));
    await expectNothingLeft(layout, {
      web: 'Suspended',
      'web-clone1': 'Stopped',
      'web-clone1-clone1': 'Stopped',
      'web-clone2': 'Stopped',
    });
  });
});

describe('a script of what guides for Multipass have people type', () => {
  test('runs to its end on the instance', async ({ guests: { layout } }) => {
    const lines = readFileSync(HOW_TO, 'utf8').split('\n');
    const commands = lines.filter((line) => !line.startsWith('#') && /multipass [a-z]/.test(line));
    expect(commands.length).toBeGreaterThanOrEqual(60);
    const folder = join(dirname(layout.root), 'how-to');
    mkdirSync(folder);
    symlinkSync(BIN, join(folder, 'multipass'));
    const plain = environment({ store: layout.root });
    const env = { ...plain, PATH: `${folder}${delimiter}${plain['PATH'] ?? ''}` };
    const words = [HOW_TO, 'web', join(folder, 'files')];
    // Whatever it exits with, it says why.
    const { stdout, stderr } = await promisify(execFile)('bash', words, { env }).catch(
      (error: unknown) => error as { stdout: string; stderr: string },
    );
    expect({ stdout, stderr: withoutPhases(stderr) }).toEqual({ stdout: 'done\n', stderr: '' });
    await expectNothingLeft(layout, {
      web: 'Stopped',
      'web-clone1': 'Stopped',
      'web-clone1-clone1': 'Stopped',
      'web-clone2': 'Stopped',
    });
  });
});

const HOW_TO = join(import.meta.dirname, 'how-to.sh');

/** A folder of the host for each type of mount. */
function sourceOf({ layout }: GuestStore, { type }: Pick<Place, 'type'>): string {
  const folder = join(dirname(layout.root), `for ${type}`);
  mkdirSync(folder, { recursive: true });
  return folder;
}

let count = 0;

/**
 * Makes sure that an instance has these mounts in its guest and no others: it reads what the host has written, and the
 * host what the guest has, as one user on either side.
 */
async function expectMounted(
  guests: GuestStore,
  name: string,
  places: readonly Place[],
): Promise<void> {
  const table = await guests.sh(name, "grep -E ' (9p|fuse.sshfs) ' /proc/mounts || true");
  const mounted = [...table.matchAll(/^\S+ (\S+) (?:9p|fuse\.sshfs) /gm)].map(([, target = '']) =>
    target.replaceAll('\\040', ' '),
  );
  expect({ name, mounted }).toEqual({ name, mounted: places.map(({ target }) => target) });
  for (const place of places) {
    const folder = sourceOf(guests, place);
    const [ours, theirs] = [`of the host ${(count += 1)}`, `of ${name} ${count}`];
    writeFileSync(join(folder, ours), `${ours}, ${place.type}`);
    const script = [
      `cd '${place.target}'`,
      `cat '${ours}'`,
      `echo '${theirs}, ${place.type}' >'${theirs}'`,
      `stat -c ' %U:%G' '${ours}' '${theirs}'`,
    ];
    expect(await guests.sh(name, script.join(' && '))).toBe(
      `${ours}, ${place.type} ubuntu:ubuntu\n ubuntu:ubuntu`,
    );
    expect(readFileSync(join(folder, theirs), 'utf8')).toBe(`${theirs}, ${place.type}\n`);
    const { uid, gid } = statSync(join(folder, theirs));
    expect({ uid, gid }).toEqual({ uid: geteuid?.(), gid: getegid?.() });
  }
}

/** The mounts on an instance's record; a map of ids by its guest's side, for the host's is whoever we are. */
function mountsOf({ layout }: GuestStore, name: string): object[] {
  return readInstance(layout, name).spec.mounts.map(
    ({ source, target, type, uidMappings, gidMappings }) => {
      const maps = [...uidMappings, ...gidMappings];
      expect(maps.map(({ host }) => host)).toEqual([geteuid?.(), getegid?.()]);
      return { source, target, type, guestIds: maps.map(({ guest }) => guest) };
    },
  );
}

async function tagsOf({ layout }: GuestStore, name: string): Promise<string[]> {
  const { stdout } = await run('qemu-img', ['snapshot', '-U', '-l', layout.instance(name).disk]);
  return [...stdout.matchAll(/^\d+\s+(\S+)/gm)].map(([, tag]) => tag!);
}

async function snapshotRows({ ok }: GuestStore): Promise<string[]> {
  const csv = await ok(['list', '--snapshots', '--format', 'csv']);
  return csv.trimEnd().split('\n').slice(1);
}

/** Each one has the one before it as its parent. */
function rowsOf(name: string, snapshots: readonly string[]): string[] {
  return snapshots.map((snapshot, at) => `${name},${snapshot},${snapshots[at - 1] ?? ''},""`);
}

/** What a machine is known by, and what a copy of it has as well. */
interface Identity {
  readonly own: Readonly<Record<string, string>>;
  readonly inCommon: Readonly<Record<string, string>>;
}

const OWN = {
  hostname: 'hostname',
  'instance-id': 'cat /var/lib/cloud/data/instance-id',
  'machine-id': 'cat /etc/machine-id',
  'MAC address': 'cat /sys/class/net/eth0/address',
  'IP address': "ip -4 -o addr show eth0 | awk '{ print $4 }'",
  'SMBIOS uuid': 'sudo cat /sys/class/dmi/id/product_uuid',
  'ssh host key': 'sudo sha256sum /etc/hostkey | cut -c 1-64',
  'boot id': 'cat /proc/sys/kernel/random/boot_id',
};

const IN_COMMON = {
  user: 'id -un',
  ids: 'id -u; id -g',
  data: 'cat data',
  blob: 'sha256sum blob',
  processors: 'nproc',
  mounts: `awk '$3 ~ /9p|sshfs/ { print $1, $2, $3 }' /proc/mounts`,
};

/** What an instance is, as it sees itself and as it is seen. */
async function identityOf(guests: GuestStore, name: string): Promise<Identity> {
  const dir = guests.layout.instance(name);
  const [card] = readMachine(dir)?.machine.cards ?? [];
  if (card?.backend.kind !== 'user') throw new Error(`"${name}" has no network of its own`);
  const { subnet, sshPort } = card.backend;
  const knownHost = readFileSync(dir.knownHosts, 'utf8').trim().split(' ').slice(1).join(' ');
  return {
    own: {
      ...(await answersTo(guests, name, OWN)),
      subnet,
      'ssh port': String(sshPort),
      'ssh host key as seen': knownHost,
    },
    inCommon: await answersTo(guests, name, IN_COMMON),
  };
}

async function answersTo(
  guests: GuestStore,
  name: string,
  questions: Readonly<Record<string, string>>,
): Promise<Record<string, string>> {
  const script = Object.values(questions).map((question) => `echo $(${question})`);
  const answers = (await guests.sh(name, script.join('\n'))).split('\n');
  return Object.fromEntries(Object.keys(questions).map((what, at) => [what, answers[at] ?? '']));
}
