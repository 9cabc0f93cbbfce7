import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { initialiseStore } from '../../../src/store/format.js';
import { guestImage } from '../../support/guests.js';
import { hashTree } from '../../support/hash-tree.js';
import { ImageServer } from '../../support/image-server.js';
import { makeInstance } from '../../support/store-fixture.js';
import type { RunningCommand } from '../../support/command.js';
import { leftovers } from '../../support/sound-store.js';
import {
  expectNothingLeft,
  kill,
  processesIn,
  qemuOf,
  test as base,
  withGuestStore,
  type GuestStore,
} from './support.js';

/** The store of this file has one instance already, which no launch has anything to do with. */
const test = base.extend<{ guests: GuestStore }>({
  guests: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      await withGuestStore(await guestImage('tiny'), {}, async (guests) => {
        await initialiseStore(guests.layout);
        const { path } = await makeInstance(guests.layout, 'other');
        other = await hashTree(path);
        await use(guests);
      });
    },
    { scope: 'file' },
  ],
});
let other: Record<string, string> = {};

/** Makes sure that nothing is there but the other instance, and that nobody has touched that. */
async function expectOnlyOther({ layout }: GuestStore): Promise<void> {
  await expectNothingLeft(layout, { other: 'Stopped' });
  expect(await hashTree(layout.instance('other').path)).toEqual(other);
}

/** Begins to launch a guest that the line in its user-data spoils. */
async function launchSpoilt(
  guests: GuestStore,
  line: string,
  ...options: readonly string[]
): Promise<RunningCommand> {
  const userData = join(dirname(guests.layout.root), 'user-data');
  await writeFile(userData, `#cloud-config\n${line}\nruncmd: []\n`);
  const args = ['launch', guests.image, '-n', 'x', '-m', '512M', '--cloud-init', userData];
  return guests.begin([...args, ...options]);
}

describe('a guest', () => {
  test.for([
    ['never gets an address', '#tiny: no-network', ''],
    ['never says a word', '#tiny: silent', 'has written nothing to its console: '],
  ] as const)('that %s is given up', async ([, line, hint], { guests }) => {
    const launch = await launchSpoilt(guests, line, '--timeout', '20');
    const { stdout, stderr, exitCode } = await launch.finished;
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 5 });
    expect(stderr).toContain(
      'launch failed: timed out waiting for response of "x" after 20 s\n  hint: ',
    );
    expect(stderr).toContain(hint);
    await expectOnlyOther(guests);
  });

  test('that dies is told at once, with the end of its console', async ({ guests }) => {
    const { layout } = guests;
    const launch = await launchSpoilt(guests, '#tiny: no-network');
    await vi.waitFor(
      async () => {
        expect(await readFile(layout.instance('x').consoleLog, 'utf8')).toContain('TINY-READY');
      },
      { timeout: 170_000, interval: 200 },
    );
    kill(qemuOf(layout, 'x').pid);
    const { stdout, stderr, exitCode } = await launch.finished;
    expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
    expect(stderr).toContain('launch failed: Instance shutdown during start of "x"\n  hint: ');
    expect(stderr).toMatch(/^ {2}console: .*TINY-READY host=x /m);
    await expectOnlyOther(guests);
  });
});

describe('an image that was new for a launch', () => {
  /** Disks that nothing boots from, though they have a boot sector: zeros, and what ends at once. */
  const launchIdle = async (
    guests: GuestStore,
    content: string,
    ...options: readonly string[]
  ): Promise<{ exitCode: number; stderr: string }> => {
    const image = join(dirname(guests.layout.root), 'idle.img');
    const sector = Buffer.alloc(1024 ** 2);
    // jmp $: it runs for ever, and writes nothing.
    sector.write(content, 0, 'hex');
    sector.writeUInt16BE(0x55aa, 510);
    await writeFile(image, sector);
    const words = ['launch', image, '-n', 'x', '-m', '512M', '--timeout', '3', ...options];
    return await guests.begin(words).finished;
  };

  test.for([
    ['runs for ever', 'ebfe'],
    ['halts', 'faf4'],
    ['was never written', '0000'],
  ] as const)('goes with it when its guest %s', async ([, code], { guests }) => {
    const images = await readdir(guests.layout.images);
    const { exitCode, stderr } = await launchIdle(guests, code);
    expect(exitCode).toBe(5);
    expect(stderr).toMatch(/image does not seem to boot: it was not kept/);
    expect(await readdir(guests.layout.images)).toEqual(images);
    await expectOnlyOther(guests);
  });

  test('stays when it was there before, or its guest has written', async ({ guests }) => {
    // Never let in, but it writes to its disk.
    const launch = await launchSpoilt(guests, '#tiny: no-network', '--timeout', '20');
    expect((await launch.finished).exitCode).toBe(5);
    const images = await readdir(guests.layout.images);
    expect(images).not.toEqual([]);
    const again = await launchSpoilt(guests, '#tiny: silent', '--timeout', '3');
    const { exitCode, stderr } = await again.finished;
    expect(exitCode).toBe(5);
    expect(stderr).not.toContain('it was not kept');
    expect(await readdir(guests.layout.images)).toEqual(images);
    await expectOnlyOther(guests);
  });
});

/** Interrupts a launch as Ctrl-C does, once `moment` has come. */
async function interrupt(
  guests: GuestStore,
  launch: RunningCommand,
  moment: () => Promise<void> | undefined,
): Promise<void> {
  await vi.waitFor(moment, { timeout: 60_000, interval: 5 });
  launch.signalGroup('SIGINT');
  expect(await launch.finished).toEqual({
    stdout: '',
    stderr: 'launch failed: interrupted by SIGINT\n',
    exitCode: 130,
  });
  await expectOnlyOther(guests);
}

describe('a launch that is interrupted leaves nothing', () => {
  const words = (guests: GuestStore): string[] => ['launch', guests.image, '-n', 'x', '-m', '512M'];

  test('while its image is prepared', async ({ guests }) => {
    await guests.ok(['purge', '--images']);
    const launch = guests.begin(words(guests), { programs: 'slow' });
    await interrupt(guests, launch, async () => {
      expect(await leftovers(guests.layout)).not.toEqual([]);
    });
    expect(await readdir(guests.layout.images)).toEqual([]);
  });

  test.for(['before QEMU answers', 'while the guest boots'])('%s', async (when, { guests }) => {
    const launch = guests.begin(words(guests));
    const { qemuPid, machine } = guests.layout.instance('x');
    await interrupt(guests, launch, async () => {
      await stat(qemuPid);
      // The board is known only to a QEMU that has answered.
      if (when === 'while the guest boots') {
        expect(await readFile(machine, 'utf8')).toMatch(/"type": "pc-/);
      }
    });
  });

  test('while ssh is waited for', async ({ guests }) => {
    const launch = guests.begin([...words(guests), '-vvvv']);
    let said = '';
    launch.child.stderr?.on('data', (piece: Buffer) => (said += piece.toString('utf8')));
    await vi.waitFor(() => expect(said).toContain('"execute":"cont"'), { timeout: 60_000 });
    launch.signalGroup('SIGINT');
    expect((await launch.finished).exitCode).toBe(130);
    await expectOnlyOther(guests);
  });

  /** From Node's first steps on, to where QEMU has begun; a busy machine gets less far. */
  const MOMENTS = Array.from({ length: 12 }, (_, index) => index * 150);

  test('at any other moment', async ({ guests }) => {
    for (const ms of MOMENTS) {
      const launch = guests.begin(words(guests));
      await pause(ms);
      launch.signalGroup('SIGINT');
      const { stdout, exitCode } = await launch.finished;
      expect({ ms, stdout, exitCode }).toEqual({ ms, stdout: '', exitCode: 130 });
      await expectOnlyOther(guests);
    }
  });

  test('or what the next command removes, when it is killed at any moment', async ({ guests }) => {
    for (const ms of MOMENTS) {
      const launch = guests.begin(words(guests));
      await pause(ms);
      launch.signalGroup('SIGKILL');
      expect((await launch.finished).exitCode).toBe(137);
      const isThere = existsSync(guests.layout.instance('x').path);
      await guests.ok(isThere ? ['delete', '--purge', 'x'] : ['purge']);
      await expectOnlyOther(guests);
    }
  });

  test('but not one that is killed, which is there to be deleted', async ({ guests }) => {
    const launch = guests.begin(words(guests));
    await vi.waitFor(() => stat(guests.layout.instance('x').qemuPid), {
      timeout: 60_000,
      interval: 5,
    });
    launch.signalGroup('SIGKILL');
    expect((await launch.finished).exitCode).toBe(137);
    await guests.ok(['delete', '--purge', 'x']);
    await expectOnlyOther(guests);
  });
});

describe('an image server', () => {
  /** Serves an image that the store does not have yet. */
  const serve = async (guests: GuestStore): Promise<ImageServer> => {
    const disk = join(dirname(guests.layout.root), 'disk.raw');
    await writeFile(disk, randomBytes(4 * 1024 ** 2));
    return await ImageServer.start({ disk });
  };
  const launchFrom = (guests: GuestStore, { url }: ImageServer): RunningCommand =>
    guests.begin(['launch', '-n', 'x', '-m', '512M'], { env: { MULTIPASS_IMAGE_MIRROR: url } });

  test('that is not there is told, with its address', async ({ guests }) => {
    const server = await serve(guests);
    await server.close();
    const { stderr, exitCode } = await launchFrom(guests, server).finished;
    expect(stderr).toMatch(/^launch failed: /);
    expect(stderr).toContain(server.url.slice(0, -1));
    expect(exitCode).toBe(2);
    await expectOnlyOther(guests);
  });

  test('that does not have what it promised is told', async ({ guests }) => {
    const server = await serve(guests);
    server.faults = { status: 404 };
    const { stderr, exitCode } = await launchFrom(guests, server).finished;
    await server.close();
    expect(stderr).toMatch(/^launch failed: .*404/);
    expect(exitCode).toBe(2);
    await expectOnlyOther(guests);
  });

  test('that lies about what it sends is found out', async ({ guests }) => {
    const server = await serve(guests);
    server.promisedSha256 = 'ab'.repeat(32);
    const images = await readdir(guests.layout.images);
    const { stderr, exitCode } = await launchFrom(guests, server).finished;
    await server.close();
    expect(stderr).toMatch(/^launch failed: .*hash/);
    expect(exitCode).toBe(2);
    await expectOnlyOther(guests);
    expect(await readdir(guests.layout.images)).toEqual(images);
  });

  test('that is slow can be left', async ({ guests }) => {
    const server = await serve(guests);
    server.faults = { pauseMs: 500 };
    await interrupt(guests, launchFrom(guests, server), async () => {
      await Promise.resolve();
      expect(server.diskRequests.length).toBeGreaterThan(0);
    });
    await server.close();
    expect(processesIn(guests.layout)).toEqual([]);
  });
});
