import { once } from 'node:events';
import { createServer } from 'node:http';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import { openStore, type VirtualMachine } from '../../src/index.js';
import { StoreLayout } from '../../src/store/layout.js';
import { createInstance } from '../../src/vm/launch/create-instance.js';
import { obtainImage } from '../../src/vm/images/obtain-image.js';
import { openShared } from '../../src/vm/network/shared-network.js';
import { startMachine } from '../../src/vm/run/start-instance.js';
import { stopInstance } from '../../src/vm/run/stop-instance.js';
import { setSetting } from '../../src/vm/settings/get-and-set.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { Work } from '../../src/work.js';
import { guestImage } from '../support/guests.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';

const ENV = { MULTIPASS_ACCELERATOR: 'tcg' };
const MEMORY = 256 * 1024 ** 2;
const USUAL = { cpus: 1, memory: MEMORY, image: '', usualDisk: 1024 ** 3 };
const BYTES = 64 * 1024 ** 2;

/**
 * The network that instances share against QEMU's own: what it adds to a start, of the first instance on it and of the
 * next; and how long 64 MiB take into a guest, from the host and from another guest, which on QEMU's own network is by
 * a port of the host.
 */
export async function benchNetwork(bench: Bench): Promise<Comparison[]> {
  return [...(await timeStarts(bench)), ...(await timeTransfers(bench))];
}

async function timeStarts({ folder, signal, say }: Bench): Promise<Comparison[]> {
  say('start');
  const image = await guestImage('tiny');
  const storeOf = async (name: string, network: string) => {
    const layout = new StoreLayout(join(folder, name));
    await prepareStore(layout);
    await setSetting(layout, 'local.network', network);
    const work = Work.of({ signal });
    const obtained = await obtainImage({ layout, query: image, mirror: '', work });
    await createInstance({ layout, name: 'one', ...USUAL, work }, obtained);
    return layout;
  };
  const [user, first, next] = [
    await storeOf('user', 'user'),
    await storeOf('first', 'shared'),
    await storeOf('next', 'shared'),
  ];
  const side = (layout: StoreLayout) => ({
    work: () => startMachine({ layout, name: 'one', env: ENV, work: { signal } }),
    undo: () => stopInstance({ layout, name: 'one', force: true }),
  });
  await using held = await openShared({ layout: next, hostLoopback: false, signal });
  const sides = { user: side(user), first: side(first), next: side(next) };
  const times = await measure(sides, { count: 10, signal }).finally(
    async () => await held[Symbol.asyncDispose](),
  );
  const against = times.user.as('user network');
  return [
    {
      name: 'start, first on a shared network',
      ours: times.first.as('shared'),
      against,
      aim: { addsAtMost: 200 },
    },
    {
      name: 'start, next on a shared network',
      ours: times.next.as('shared'),
      against,
      aim: { addsAtMost: 30 },
    },
  ];
}

async function timeTransfers({ folder, signal, say }: Bench): Promise<Comparison[]> {
  say('guests for transfers');
  await using host = await serve();
  const pairs = {
    shared: await Pair.start(join(folder, 'pair-shared'), 'shared'),
    user: await Pair.start(join(folder, 'pair-user'), 'user'),
  };
  try {
    const urls = {
      shared: { host: host.url(hostAddress()), guest: 'http://one/big' },
      user: { host: host.url(await pairs.user.gateway()), guest: await pairs.user.forwarded() },
    };
    say('transfers');
    const times = await measure(
      {
        shared: { work: () => pairs.shared.fetch(urls.shared.host) },
        user: { work: () => pairs.user.fetch(urls.user.host) },
        'shared, guests': { work: () => pairs.shared.fetch(urls.shared.guest) },
        'user, guests': { work: () => pairs.user.fetch(urls.user.guest) },
      },
      { count: 4, signal },
    );
    return [
      {
        name: '64 MiB, host to guest',
        ours: times.shared.as('shared'),
        against: times.user.as('user network'),
      },
      {
        name: '64 MiB, guest to guest',
        ours: times['shared, guests'].as('shared'),
        against: times['user, guests'].as('user network'),
      },
    ];
  } finally {
    await pairs.shared.end();
    await pairs.user.end();
  }
}

/** Two guests, `one` of which serves a file; `two` fetches. */
class Pair {
  readonly #one: VirtualMachine;
  readonly #two: VirtualMachine;

  private constructor(one: VirtualMachine, two: VirtualMachine) {
    this.#one = one;
    this.#two = two;
  }

  static async start(root: string, network: string): Promise<Pair> {
    const store = openStore(root);
    await store.setSetting('local.network', network);
    const image = await guestImage('tiny');
    const launch = async (name: string) =>
      await store.launch({ image, name, cpus: 1, memory: '256M', disk: '1G' });
    const [one, two] = [await launch('one'), await launch('two')];
    const serving = 'mkdir www; truncate -s 64M www/big; sudo busybox httpd -p 80 -h $PWD/www';
    await one.exec(['sh', '-c', serving], { check: true });
    return new Pair(one, two);
  }

  /** The host's loopback, as a guest on QEMU's own network sees it. */
  async gateway(): Promise<string> {
    const script = "ip route | awk '/^default via/ { print $3; exit }'";
    return (await this.#two.exec(['sh', '-c', script], { check: true })).stdout.trim();
  }

  /** Where `two` finds what `one` serves on QEMU's own network. */
  async forwarded(): Promise<string> {
    const { hostPort } = await this.#one.forward({ host: 28_999, guest: 80 });
    return `http://${await this.gateway()}:${hostPort}/big`;
  }

  async fetch(url: string): Promise<void> {
    const fetching = `[ "$(wget -q -O - ${url} | wc -c)" = ${BYTES} ]`;
    await this.#two.exec(['sh', '-c', fetching], { check: true });
  }

  async end(): Promise<void> {
    await Promise.all([this.#one.stop({ force: true }), this.#two.stop({ force: true })]);
  }
}

/** A server of this process on all addresses of the host. */
async function serve(): Promise<{ url(address: string): string } & AsyncDisposable> {
  const content = Buffer.alloc(BYTES);
  const server = createServer((_, response) => void response.end(content));
  server.listen(0, '0.0.0.0');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: (address) => `http://${address}:${port}/big`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
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
