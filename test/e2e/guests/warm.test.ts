import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { readMachine } from '../../../src/vm/records/machine-record.js';
import { PREPARE_PROOF, provenUpTo, WRITE_PROOF } from '../../support/proof.js';
import { startSenders } from '../support/senders.js';
import { killWhenItSays } from './kill-when-it-says.js';
import { expectNothingLeft, processesIn, test, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 600_000 });

/**
 * The tests of this file are the steps of one story: "web" writes to its disk, counts in its memory and draws random
 * numbers all the time, and is cloned with its memory meanwhile.
 */
const CLONES = ['warm-1', 'warm-2', 'warm-3'] as const;
const ALL = ['web', ...CLONES] as const;

/** What a machine is known by: each word of it is nobody else's. */
async function selfOf({ sh, layout }: GuestStore, name: string): Promise<Record<string, string>> {
  const told = await sh(
    name,
    'hostname; cat /etc/machine-id /var/lib/cloud/data/instance-id /sys/class/net/eth0/address; ' +
      'ip -4 -o addr show eth0 | sed "s/.*inet \\([0-9.]*\\).*/\\1/"; ps -o args | grep -o "[0]x3d:[0-9a-f]*"',
  );
  const [hostname = '', machineId = '', instanceId = '', mac = '', address = '', clientId = ''] =
    told.split('\n');
  const hostKey = readFileSync(layout.instance(name).knownHosts, 'utf8');
  const { spec } = readInstance(layout, name);
  expect({ hostname, instanceId, mac }).toEqual({
    hostname: name,
    instanceId: spec.uuid,
    mac: spec.interfaces[0].mac.toString(),
  });
  return { hostname, machineId, instanceId, mac, address, hostKey, clientId, uuid: spec.uuid };
}

function expectAllDifferent(selves: readonly Record<string, string>[]): void {
  for (const key of Object.keys(selves[0] ?? {})) {
    const values = selves.map((self) => self[key]);
    expect(values, key).not.toContain('');
    expect(new Set(values), key).toHaveProperty('size', values.length);
  }
}

/** Draws random numbers, and counts, for as long as it is let. */
const RUN =
  `(n=0; while :; do n=$((n + 1)); echo $n >/dev/shm/count; head -c 16 /dev/urandom | md5sum >>/dev/shm/drawn; ` +
  'sleep 0.5; done) >/dev/null 2>&1 </dev/null &';

describe('a running instance that is cloned with its memory', () => {
  test('refuses what a memory cannot have otherwise, and one without memory', async ({
    guests,
  }) => {
    const { multipass, ok, sh } = guests;
    await ok(['set', 'local.network=shared']);
    await guests.launch('web');
    await sh('web', `${PREPARE_PROOF}; echo precious >data; sync`);
    await sh('web', `rm -f enough last; (${WRITE_PROOF}) >/dev/null 2>&1 </dev/null & ${RUN}`);
    const refused = await multipass(['clone', 'web', '--warm', '--cpus', '2']);
    expect(refused).toMatchObject({ exitCode: 2, stdout: '' });
    expect(refused.stderr).toContain('the CPUs, the memory and the disk of its source');
    const planned = await multipass(['clone', 'web', '--warm', '--dry-run']);
    expect(planned.stdout).toMatch(/^Strategy: +linked: .*\n(?:.*\n)*Memory: +at most 512\.0MiB$/m);
    await expectNothingLeft(guests.layout, { web: 'Running' });
  });

  test('has clones that go on from there, each a machine of its own, and none ever somebody else', async ({
    guests,
  }) => {
    const { layout, multipass, ok, sh } = guests;
    await using senders = await startSenders(layout.root);
    const made = await multipass([
      ...['clone', 'web', '--warm', '--count', '3', '--name', 'warm-{n}', '--start'],
    ]);
    expect(made).toMatchObject({ exitCode: 0 });
    expect(made.stderr).toContain('what is in memory is the same as in the source');
    expect(made.stdout).toBe(
      CLONES.map((name) => `Cloned from running web to ${name}, with its memory.\n`).join(''),
    );
    const selves = [];
    for (const name of ALL) selves.push(await selfOf(guests, name));
    expectAllDifferent(selves);
    const drawn = [];
    for (const name of ALL) {
      const [count, data, clock, ...numbers] = (
        await sh(name, 'cat /dev/shm/count data; date +%s; cat /dev/shm/drawn')
      ).split('\n');
      expect(Number(count)).toBeGreaterThan(0);
      expect(data).toBe('precious');
      expect(Math.abs(Number(clock) - Date.now() / 1000)).toBeLessThan(15);
      drawn.push(numbers);
    }
    // They drew the same until they went different ways, and never after.
    const [ofWeb = [], ...ofClones] = drawn;
    for (const numbers of ofClones) {
      const common = numbers.filter((number) => ofWeb.includes(number)).length;
      expect(common).toBeGreaterThan(0);
      expect(numbers.length).toBeGreaterThan(common);
      expect(numbers.slice(0, common)).toEqual(ofWeb.slice(0, common));
    }
    const [one = [], ...others] = ofClones.map((numbers) =>
      numbers.filter((number) => !ofWeb.includes(number)),
    );
    for (const other of others) expect(other.filter((number) => one.includes(number))).toEqual([]);
    // Whom the network has seen by which cable: nobody by another's.
    const macs = new Map(ALL.map((name) => [tapOf(guests, name), selfMac(guests, name)]));
    const guestsOf = new Set(macs.values());
    const seen = senders.seen().filter(([port, mac]) => macs.has(port) && guestsOf.has(mac));
    expect(Object.fromEntries(seen)).toEqual(Object.fromEntries(macs));
    expect(seen).toHaveLength(ALL.length);
    for (const name of CLONES) {
      expect(existsSync(layout.instance(name).memory)).toBe(false);
      expect(existsSync(layout.instance(name).ram)).toBe(false);
    }
    await expectNothingLeft(layout, Object.fromEntries(ALL.map((name) => [name, 'Running'])));
    await ok(['delete', '--purge', 'warm-3']);
  });

  test('goes on, and leaves nothing, when the command is killed in the middle', async ({
    guests,
  }) => {
    const { begin, layout, multipass, ok, sh } = guests;
    for (const step of ['stop', 'migrate', 'cont', 'quit']) {
      const clone = begin(['clone', 'web', '--warm', '--name', 'never', '-vvvv']);
      await killWhenItSays(clone, `"execute":"${step}"`);
      const count = async () => Number(await sh('web', 'cat /dev/shm/count'));
      const then = await count();
      await vi.waitFor(async () => expect(await count()).toBeGreaterThan(then), 10_000);
      // What makes the memory ends with the command.
      await vi.waitFor(() => {
        expect(processesIn(layout).filter(({ folder }) => folder.startsWith('staging'))).toEqual(
          [],
        );
      }, 10_000);
    }
    expect(await multipass(['clone', 'web', '--warm', '--name', 'again'])).toMatchObject({
      exitCode: 0,
    });
    await expectNothingLeft(layout, {
      web: 'Running',
      'warm-1': 'Running',
      'warm-2': 'Running',
      again: 'Suspended',
    });
    // One that is half renewed is ended with the command that was at it, and begins anew.
    for (const step of ['migrate-incoming', 'cont', 'device_del', 'device_add']) {
      await killWhenItSays(begin(['start', 'again', '-vvvv']), `"execute":"${step}"`);
      await vi.waitFor(() => {
        expect(readInstance(layout, 'again').state).toBe('Suspended');
      }, 20_000);
    }
    await ok(['start', 'again']);
    const selves = [];
    for (const name of ['web', 'warm-1', 'again']) selves.push(await selfOf(guests, name));
    expectAllDifferent(selves);
    await ok(['delete', '--purge', 'again']);
  });

  test('has clones that are like any other: suspended, resumed, rebooted as themselves', async ({
    guests,
  }) => {
    const { ok, sh, layout } = guests;
    const before = await selfOf(guests, 'warm-1');
    await ok(['suspend', 'warm-1']);
    await ok(['start', 'warm-1']);
    expect(await selfOf(guests, 'warm-1')).toEqual(before);
    await ok(['stop', 'warm-1', 'warm-2']);
    for (const name of ['warm-1', 'warm-2']) {
      await run('qemu-img', ['check', '-q', layout.instance(name).disk]);
      expect(await provenUpTo(layout.instance(name).disk)).toBeGreaterThan(0);
    }
    await ok(['start', 'warm-1']);
    expect(await selfOf(guests, 'warm-1')).toEqual(before);
    // What the firmware tells is its own from the first reboot on.
    const uuid = await sh('warm-1', 'sudo -n cat /sys/class/dmi/id/product_uuid');
    expect(uuid.toLowerCase()).toBe(readInstance(layout, 'warm-1').spec.uuid);
    await ok(['delete', '--purge', 'warm-1', 'warm-2']);
  });

  test('lost nothing, and is cloned with what a snapshot and a suspension hold', async ({
    guests,
  }) => {
    const { ok, sh, layout, multipass } = guests;
    await ok(['snapshot', 'web', '--live', '--memory', '--name', 'hot']);
    await ok(['suspend', 'web']);
    for (const [source, name] of [
      ['web.hot', 'of-hot'],
      ['web', 'of-suspended'],
    ] as const) {
      const { exitCode, stderr } = await multipass(['clone', source, '--warm', '--name', name]);
      expect({ name, exitCode, stderr }).toMatchObject({ exitCode: 0 });
      expect(await ok(['list', '--format', 'csv'])).toContain(`${name},Suspended,`);
      await ok(['start', name]);
      expect((await selfOf(guests, name))['hostname']).toBe(name);
      expect(Number(await sh(name, 'cat /dev/shm/count'))).toBeGreaterThan(0);
      await ok(['delete', '--purge', name]);
    }
    await ok(['start', 'web']);
    await sh('web', 'touch enough; while [ ! -s last ]; do sleep 0.2; done; sync');
    const last = Number(await sh('web', 'cat last'));
    await ok(['stop', 'web']);
    await run('qemu-img', ['check', '-q', layout.instance('web').disk]);
    expect(await provenUpTo(layout.instance('web').disk)).toBe(last);
  });
});

function tapOf({ layout }: GuestStore, name: string): string {
  const backend = readMachine(layout.instance(name))?.machine.cards[0]?.backend;
  return backend?.kind === 'tap' ? backend.tap : '';
}

function selfMac({ layout }: GuestStore, name: string): string {
  return readInstance(layout, name).spec.interfaces[0].mac.toString();
}
