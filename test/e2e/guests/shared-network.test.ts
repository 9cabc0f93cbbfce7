import { copyFile, mkdir, mkdtemp, rm } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { freeLoopbackPort } from '../../../src/net/user-network.js';
import { run } from '../../../src/process/run.js';
import { startTimeOf } from '../../../src/process/start-time.js';
import type { NetworkStatus } from '../../../src/vm/run/network-status.js';
import { guestImage } from '../../support/guests.js';
import { AS_NOBODY, giveToNobody } from '../support/nobody.js';
import { kill, processesIn, qemuOf, withGuestStore, type GuestStore } from './support.js';

vi.setConfig({ testTimeout: 600_000 });

const NAMES = ['web', 'web-clone1', 'web-clone2'] as const;

test('instances of a user without rights see each other by address and by name, and what kills them leaves nothing', async () => {
  const home = await mkdtemp(join(tmpdir(), 'multipass-ts-shared-'));
  const [root, image] = [join(home, 'store'), join(home, 'tiny.img')];
  await mkdir(root);
  await copyFile(await guestImage('tiny'), image);
  await giveToNobody(root);
  await giveToNobody(image);
  await using outside = await serve();
  await using loopback = await serve('127.0.0.1');
  const port = await freeLoopbackPort();
  try {
    await withGuestStore(image, { root, through: AS_NOBODY }, async (guests) => {
      const { ok, sh, layout } = guests;
      // Not with `-T`, by which Debian's busybox 1.35 crashes.
      const fetching = `timeout 20 wget -q -O - ${outside.url}`;
      await guests.launch('web', '--memory', '256M', '--disk', '1G');
      await ok(['stop', 'web']);
      await ok(['clone', 'web', '--count', '2', '--linked']);
      await ok(['start', ...NAMES, '--timeout', '500']);
      const addresses = await addressesOf(guests);
      expect(new Set(Object.values(addresses)).size).toBe(NAMES.length);
      for (const from of NAMES) {
        const others = NAMES.filter((name) => name !== from);
        const all = others.flatMap((name) => [name, `${name}.multipass`, addresses[name] ?? '']);
        const lines = all.map((one) => `ping -c 1 -W 10 ${one} >/dev/null && echo ${one}`);
        expect((await sh(from, lines.join('; '))).split('\n')).toEqual(all);
      }
      expect(await sh('web', fetching)).toBe('hello');
      const refused = `timeout 10 wget -q -O - http://10.0.2.2:${loopback.port}/ 2>/dev/null || echo no`;
      expect(await sh('web', refused)).toBe('no');

      // The host reaches what it forwards.
      await ok(['forward', 'web-clone2', `${port}:22`]);
      expect(await greeting(port)).toBe('SSH-');

      // A program of the host's finds them by name.
      const ssh = `exec 3<>/dev/tcp/web-clone1.multipass/22 && head -c 4 <&3`;
      expect(await ok(['network', 'run', '--', 'bash', '-c', ssh])).toBe('SSH-');

      await ok(['suspend', 'web-clone1']);
      await ok(['start', 'web-clone1', '--timeout', '500']);
      expect(await addressesOf(guests)).toEqual(addresses);
      await sh('web-clone1', 'ping -c 1 -W 10 web >/dev/null');

      // What leads out is gone: they still see each other, and the next start brings it back.
      const { processes } = await statusOf(guests);
      for (const pid of [processes.way_out, processes.dnsmasq, processes.holder]) kill(pid ?? 0);
      await sh('web', `ping -c 1 -W 10 ${addresses['web-clone2'] ?? ''} >/dev/null`);
      expect(await statusOf(guests)).toMatchObject({ state: 'damaged' });
      await ok(['stop', 'web-clone1']);
      await ok(['start', 'web-clone1', '--timeout', '500']);
      expect(await statusOf(guests)).toMatchObject({ state: 'up', damage: [] });
      expect(await greeting(port)).toBe('SSH-');
      expect(await sh('web', fetching)).toBe('hello');
      expect(await addressesOf(guests)).toEqual(addresses);

      // All at once, and nobody to tidy up.
      const after = (await statusOf(guests)).processes;
      for (const name of NAMES) kill(qemuOf(layout, name).pid);
      const left = [after.way_out, after.dnsmasq, after.holder];
      await vi.waitFor(() => expect(left.filter(isAlive)).toEqual([]), { timeout: 20_000 });
      expect(processesIn(layout)).toEqual([]);
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});

async function addressesOf({ ok }: GuestStore): Promise<Record<string, string>> {
  const { list } = JSON.parse(await ok(['list', '--format', 'json'])) as {
    list: { name: string; ipv4: string[]; reachable_from: string; ssh_port: number }[];
  };
  for (const one of list) expect(one).toMatchObject({ reachable_from: 'network', ssh_port: 22 });
  return Object.fromEntries(list.map(({ name, ipv4: [address = ''] }) => [name, address]));
}

async function statusOf({ ok }: GuestStore): Promise<NetworkStatus> {
  return JSON.parse(await ok(['network', 'status', '--format', 'json'])) as NetworkStatus;
}

function isAlive(pid: number | null): boolean {
  const started = startTimeOf(String(pid));
  return started !== undefined && started !== 'dead';
}

/** A server on an address of this host that is not its loopback's. */
/** What a server of the host's first says on a port of the loopback, its first four letters. */
async function greeting(port: number): Promise<string> {
  const script = `exec 3<>/dev/tcp/127.0.0.1/${port} && head -c 4 <&3`;
  return (await run('timeout', ['20', 'bash', '-c', script])).stdout;
}

async function serve(address?: string): Promise<{ url: string; port: number } & AsyncDisposable> {
  const all = Object.values(networkInterfaces()).flatMap((addresses) => addresses ?? []);
  const outer = all.find(({ family, internal }) => family === 'IPv4' && !internal);
  const host = address ?? outer?.address;
  const server = createServer((_, response) => void response.end('hello'));
  server.listen(0, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://${host ?? ''}:${port}/`,
    [Symbol.asyncDispose]: async () => {
      server.close();
      await once(server, 'close');
    },
  };
}
