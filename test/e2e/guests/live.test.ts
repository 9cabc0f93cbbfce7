import { existsSync } from 'node:fs';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { PREPARE_PROOF, provenUpTo, WRITE_PROOF } from '../../support/proof.js';
import { expectNothingLeft, test, type GuestStore } from './support.js';

/**
 * The tests of this file are the steps of one story: "web" writes all the time, and is copied while it does. What each
 * copy holds is held against what was written, and so is what the source itself has at the end.
 */

/** How far the proof had come in the copies, in the order in which they were made. */
const proven: number[] = [];

/** Of the run that the snapshot with memory is of. */
let bootId: string;

/** In the background, and for as long as nobody says that it is enough. */
async function beginWriting({ sh }: GuestStore): Promise<void> {
  await sh('web', `rm -f enough last; (${WRITE_PROOF}) >/dev/null 2>&1 </dev/null &`);
}

/** @returns the number of the last block that the guest has written */
async function endWriting({ sh }: GuestStore): Promise<number> {
  await sh('web', 'touch enough; while [ ! -s last ]; do sleep 0.2; done; sync');
  return Number(await sh('web', 'cat last'));
}

/** What a copy says of itself, and the proof that its disk is of one moment, after those of the copies before it. */
async function cloneAndProve(
  { ok, layout }: GuestStore,
  name: string,
  ...args: readonly string[]
): Promise<Report> {
  const clone = ['clone', 'web', '--live', '--name', name, '--format', 'json', ...args];
  const report = JSON.parse(await ok(clone)) as Report;
  const { disk } = layout.instance(name);
  await run('qemu-img', ['check', '-q', disk]);
  const last = await provenUpTo(disk);
  expect(last).toBeGreaterThan(proven.at(-1) ?? 0);
  proven.push(last);
  return report;
}

interface Report {
  readonly strategy: string;
  readonly consistency: string;
  readonly timings_ms: { readonly pause: number };
}

describe('a running instance', () => {
  test('is not cloned unless that is asked for', async ({ guests }) => {
    await guests.launch('web');
    await guests.sh('web', `${PREPARE_PROOF}; echo precious >data; sync`);
    await beginWriting(guests);
    expect(await guests.multipass(['clone', 'web'])).toEqual({
      stdout: '',
      stderr:
        'clone failed: Multipass can only clone stopped instances.\n' +
        '  hint: "web" is running: stop it first, or clone its disk as it is at one moment ' +
        '(`multipass clone --live`).\n',
      exitCode: 2,
    });
  });

  test('gives a linked clone of one moment, and another, while it writes', async ({ guests }) => {
    for (const name of ['first', 'second']) {
      const report = await cloneAndProve(guests, name, '--linked');
      expect(report).toMatchObject({ strategy: 'linked', consistency: 'crash' });
    }
    await expectNothingLeft(guests.layout, {
      web: 'Running',
      first: 'Stopped',
      second: 'Stopped',
    });
    expect(existsSync(guests.layout.instance('web').pending)).toBe(false);
  });

  test('is written to beside a clone that has booted from what it was', async ({ guests }) => {
    await guests.ok(['start', 'first']);
    const [first = '', web = ''] = await Promise.all(
      ['first', 'web'].map((name) => guests.sh(name, 'cat data /etc/machine-id; hostname')),
    );
    expect(first).toMatch(/^precious\n[0-9a-f]{32}\nfirst$/);
    expect(first.split('\n')[1]).not.toBe(web.split('\n')[1]);
    await guests.ok(['delete', '--purge', 'first']);
  });

  test('is suspended and resumed with the head that it has by then', async ({ guests }) => {
    bootId = await guests.bootId('web');
    await guests.ok(['suspend', 'web']);
    await guests.ok(['start', 'web']);
    expect(await guests.bootId('web')).toBe(bootId);
    await cloneAndProve(guests, 'third', '--linked');
  });

  test('has snapshots taken of it, one with its memory', async ({ guests }) => {
    const take = ['snapshot', 'web', '--live', '--name'];
    expect(await guests.ok([...take, 'disk'])).toBe(
      'Snapshot taken: web.disk, as after a power cut\n',
    );
    await guests.sh('web', 'echo then >moment; sync');
    expect(await guests.ok([...take, 'hot', '--memory'])).toBe(
      'Snapshot taken: web.hot, with its memory\n',
    );
    await guests.sh('web', 'echo later >moment; sync');
  });

  test('has lost nothing itself', async ({ guests }) => {
    const last = await endWriting(guests);
    await guests.ok(['stop', 'web']);
    const { disk } = guests.layout.instance('web');
    await run('qemu-img', ['check', '-q', disk]);
    expect(await provenUpTo(disk)).toBe(last);
    expect(readInstance(guests.layout, 'web').uncleanEnd).toBe(false);
    await guests.ok(['snapshot', 'web']);
    await guests.ok(['flatten', 'second']);
    expect(await provenUpTo(guests.layout.instance('second').disk)).toBe(proven[1]);
  });

  test('is cloned and restored as its disk was', async ({ guests }) => {
    await guests.ok(['clone', 'web.hot', '--name', 'fourth']);
    await guests.ok(['restore', '--destructive', 'web.disk']);
    const [disk, hot] = await Promise.all(
      ['web', 'fourth'].map((name) => provenUpTo(guests.layout.instance(name).disk)),
    );
    expect(disk).toBeGreaterThan(proven.at(-1)!);
    expect(hot).toBeGreaterThan(disk!);
  });

  test('goes on from its memory, at the time that it is', async ({ guests }) => {
    const restored = await guests.ok(['restore', '--destructive', 'web.hot']);
    expect(restored).toMatch(/^Snapshot restored: web\.hot\nweb goes on from its memory: .*\n$/);
    expect(await guests.sh('web', 'cat moment; cat /proc/sys/kernel/random/boot_id')).toBe(
      `then\n${bootId}`,
    );
    const behind = Date.now() / 1000 - Number(await guests.sh('web', 'date +%s'));
    expect(Math.abs(behind)).toBeLessThan(30);
    // What wrote then writes on.
    const last = await endWriting(guests);
    await guests.ok(['stop', 'web']);
    expect(last).toBeGreaterThan(await provenUpTo(guests.layout.instance('fourth').disk));
    expect(await provenUpTo(guests.layout.instance('web').disk)).toBe(last);
  });
});
