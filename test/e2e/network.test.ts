import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, vi } from 'vitest';
import { withNetNamespace } from '../support/net-namespace.js';
import { expectNothing, isAlive, killAndWait, test, type Networks } from './support/networks.js';
import { AS_NOBODY } from './support/nobody.js';

describe('the network that instances share', () => {
  test('runs programs of its user in it, with its own names, and goes with the last', async ({
    nets,
  }) => {
    expect(await nets.status()).toMatchObject({ mode: 'auto', state: 'none', subnet: null });
    const uid = process.getuid?.() === 0 ? '65534' : String(process.getuid?.());
    const path = join(dirname(nets.folder()), '../made');
    const told = await nets.run(
      `id -u; cat /etc/resolv.conf; ip -o -4 address; touch ${path}; stat -c %u ${path}; grep CapEff /proc/self/status`,
    );
    const { bridge, subnet, state } = await nets.status();
    const gateway = subnet?.replace('.0/24', '.1') ?? '';
    expect(told.split('\n')).toEqual([
      uid,
      `nameserver ${gateway}`,
      'search multipass',
      expect.stringMatching(/^1: lo +inet 127\.0\.0\.1/),
      expect.stringMatching(new RegExp(`: ${bridge} +inet ${gateway}/24 `)),
      expect.stringMatching(/: tap0 +inet 10\.0\.2\.100\/24 /),
      uid,
      'CapEff:\t0000000000000000',
    ]);
    expect(['none', 'damaged']).toContain(state);
    await expectNothing(nets);
    expect((await nets.status()).subnet).toBe(subnet);
  });

  test('ends with what the program ends with, and says when there is none', async ({ nets }) => {
    expect((await nets.mp(['network', 'run', '--', 'sh', '-c', 'exit 7'])).exitCode).toBe(7);
    expect(await nets.mp(['network', 'run', '--', '/no/such/program'])).toMatchObject({
      exitCode: 127,
      stderr: expect.stringContaining('/no/such/program') as string,
    });
    expect(await nets.mp(['network', 'run'])).toMatchObject({ exitCode: 1 });
    expect(await nets.mp(['network', 'rum'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('run, status, setup, remove') as string,
    });
  });

  test('leads outside, and to the host’s loopback only when that is allowed', async ({ nets }) => {
    await using outside = await serve(hostAddress());
    await using loopback = await serve('127.0.0.1');
    const ask = (url: string): string => `curl -s -m 10 ${url} || echo "-> $?"`;
    const [there, here] = [outside.url, `http://10.0.2.2:${loopback.port}/`];
    expect(await nets.run(`${ask(there)}; ${ask(here)}`)).toBe('hello-> 7');
    await expectNothing(nets);
    expect((await nets.mp(['set', 'local.host-loopback=true'])).exitCode).toBe(0);
    expect(await nets.run(ask(here))).toBe('hello');
  });

  test('is another one for each store', async ({ nets }) => {
    const held = await nets.hold('python3 -m http.server 8000 >/dev/null 2>&1');
    const { subnet } = await nets.status();
    const gateway = subnet?.replace('.0/24', '.1') ?? '';
    const look = `curl -s -m 2 http://${gateway}:8000/ || echo "-> $?"`;
    await vi.waitFor(
      async () => expect(await nets.run(look)).toContain('Directory listing'),
      10_000,
    );
    expect(await nets.run(look, 'two')).not.toContain('Directory listing');
    held.signalGroup('SIGKILL');
    await held.finished;
    await expectNothing(nets);
  });

  test('is mended by the next command, whatever of it was killed', async ({ nets }) => {
    // Nothing is examined where there is no store yet.
    expect((await nets.mp(['set', 'local.network=shared'])).exitCode).toBe(0);
    const held = await nets.hold();
    const before = await nets.status();
    expect(before).toMatchObject({ state: 'up', damage: [] });
    const noWay = 'there is no way out';
    for (const [part, ...damage] of [
      ['dnsmasq', 'nothing gives addresses and names'],
      ['way_out', noWay],
      ['holder', 'nothing waits for the end of the last instance', noWay],
    ] as const) {
      const { processes } = await nets.status();
      await killAndWait(processes[part]);
      // It ends with the holder: what it leads out of may go at any time then.
      if (part === 'holder') await vi.waitFor(() => expect(isAlive(processes.way_out)).toBe(false));
      const broken = await nets.status();
      expect(broken).toMatchObject({ state: 'damaged', damage });
      if (part === 'dnsmasq') expect(await findings(nets)).toContain('network-damaged');
      await nets.run('true');
      const after = await nets.status();
      expect(after, part).toMatchObject({ state: 'up', damage: [], subnet: before.subnet });
      for (const other of ['dnsmasq', 'way_out', 'holder'] as const) {
        if (other === part || (other === 'way_out' && part === 'holder')) continue;
        expect(after.processes[other]).toBe(processes[other]);
      }
    }
    // With everything, the program in it goes on, and nothing else does.
    held.signalGroup('SIGKILL');
    await held.finished;
    await expectNothing(nets);
  });

  test('leaves nothing when its holder and the last on it are killed, but for the next command', async ({
    nets,
  }) => {
    const held = await nets.hold();
    const { processes } = await nets.status();
    await killAndWait(processes.holder);
    held.signalGroup('SIGKILL');
    await held.finished;
    expect(isAlive(processes.dnsmasq)).toBe(true);
    await nets.run('true');
    await expectNothing(nets);
    expect([processes.dnsmasq, processes.way_out].filter(isAlive)).toEqual([]);
  });

  test('leaves nothing when its folder is removed, whatever then happens to it', async ({
    nets,
  }) => {
    for (const victims of [[], ['holder'], ['holder', 'dnsmasq']] as const) {
      const held = await nets.hold();
      const { processes } = await nets.status();
      await rm(nets.folder(), { recursive: true });
      for (const victim of victims) await killAndWait(processes[victim]);
      held.signalGroup('SIGKILL');
      await held.finished;
      const parts = (['holder', 'way_out', 'dnsmasq'] as const).filter(
        // Nobody is left who could know of it.
        (part) => part !== 'dnsmasq' || victims.length !== 1,
      );
      await vi.waitFor(
        () => expect(parts.filter((part) => isAlive(processes[part]))).toEqual([]),
        10_000,
      );
      if (victims.length === 1) await killAndWait(processes.dnsmasq);
    }
  });

  test('leaves nothing when the command is killed while it makes it', async ({ nets }) => {
    // How long it takes here, just now.
    const began = performance.now();
    await nets.run('true');
    const took = performance.now() - began;
    await expectNothing(nets);
    const ROUNDS = 12;
    for (let round = 0; round < ROUNDS; round += 1) {
      const command = nets.begin(['network', 'run', '--', 'true']);
      await pause(took * (0.2 + (0.8 * round) / ROUNDS));
      if (command.child.exitCode === null) command.signalGroup('SIGKILL');
      await command.finished;
      await expectNothing(nets, { sockets: false });
    }
    await nets.run('true');
    await expectNothing(nets);
  });

  test('is not there where a distribution permits nothing in user namespaces', async ({ nets }) => {
    await nets.refuse('unshare', 'pasta', 'rootlesskit');
    const why =
      'a user may not make networks of its own here (RTNETLINK answers: Operation not permitted)';
    const status = await nets.status();
    expect(status).toMatchObject({ state: 'none', problem: { why } });
    expect(status.problem?.hint).toContain('sudo multipass network setup');
    expect((await nets.mp(['networks'])).stderr).toBe(
      `note: instances do not see each other here: ${why}. ${status.problem?.hint ?? ''}\n`,
    );
    const refused = await nets.mp(['network', 'run', '--', 'true']);
    expect(refused).toMatchObject({ stdout: '', exitCode: 2 });
    expect(refused.stderr).toContain(`there can be no network that instances share: ${why}`);
    // Nobody else's business is told of.
    await nets.mp(['set', 'local.network=user']);
    expect((await nets.mp(['networks'])).stderr).toBe('');
  });

  test.for([
    ['pasta', 'unshare'],
    ['rootlesskit', 'unshare', 'pasta'],
  ] as const)('is made by %s where that may', async ([maker, ...others], { nets }) => {
    await nets.refuse(...others);
    nets.through = [...(await withSubordinates(nets)), ...AS_NOBODY];
    await using outside = await serve(hostAddress());
    expect(await nets.run(`curl -s -m 10 ${outside.url}`)).toBe('hello');
    await expectNothing(nets);
    const held = await nets.hold();
    const status = await nets.status();
    expect(status).toMatchObject({ state: 'up', damage: [], problem: null });
    const note = join(nets.folder(), '../findings.json');
    expect(JSON.parse(readFileSync(note, 'utf8'))).toMatchObject({ maker });
    // The maker has gone, and what it led out by.
    expect(await nets.run('ip -o link | wc -l')).toBe('3');
    held.signalGroup('SIGKILL');
    await held.finished;
    await expectNothing(nets);
  });

  test.runIf(process.getuid?.() === 0)(
    'takes no names of network namespaces from a host whose root it belongs to',
    async ({ nets }) => {
      nets.through = [];
      await withNetNamespace(async (ns) => {
        expect(await nets.run('ip -o link | wc -l', 'roots')).toBe('3');
        await ns.run('true', []);
      });
    },
  );

  test('needs no setup on a host that keeps nobody from it', async ({ nets }) => {
    for (const [what, text] of [
      [
        'setup',
        'Nothing to do: this host does not keep users from having networks of their own.\n',
      ],
      ['remove', 'Nothing to do: nothing is set up.\n'],
    ] as const) {
      expect(await nets.mp(['network', what])).toEqual({ stdout: text, stderr: '', exitCode: 0 });
    }
  });
});

/** Words that give the user without rights ids of his own, in a world of mounts that ends with the command. */
async function withSubordinates(nets: Networks): Promise<readonly string[]> {
  if (process.getuid?.() !== 0) return [];
  const file = join(nets.folder(), '../../../subordinates');
  await writeFile(file, 'nobody:100000:65536\n', { mode: 0o644 });
  const script =
    'for kind in uid gid; do touch /etc/sub$kind; mount --bind "$0" /etc/sub$kind; done; exec "$@"';
  return ['unshare', '--mount', 'sh', '-c', script, file];
}

async function findings(nets: Networks): Promise<string[]> {
  const { stdout } = await nets.mp(['doctor', '--format', 'json']);
  const { findings: found } = JSON.parse(stdout) as { findings: { code: string }[] };
  return found.map(({ code }) => code);
}

async function serve(
  host: string,
): Promise<{ url: string; port: number } & AsyncDisposable & { server: Server }> {
  const server = createServer((_, response) => void response.end('hello'));
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    url: `http://${host}:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}

/** An address of this host that is not its loopback's. */
function hostAddress(): string {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const found = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  if (found === undefined) throw new Error('this host has no address but its loopback’s');
  return found.address;
}
