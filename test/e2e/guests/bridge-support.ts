import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { parseLeases, type Lease } from '../../../src/net/leases.js';
import { tapName } from '../../../src/net/bridge/tap.js';
import { enterWords } from '../../../src/net/shared/enter.js';
import { run } from '../../../src/process/run.js';
import { StoreLayout } from '../../../src/store/layout.js';
import { test as storeTest } from '../../support/store-fixture.js';
import { withNetNamespace, type NetNamespace } from '../../support/net-namespace.js';
import {
  multipass,
  startMultipass,
  type CommandOptions,
  type CommandResult,
} from '../../support/command.js';
import { killAllIn } from './support.js';

/** What an instance's records say that its guest may be asked about. */
export interface Spec {
  readonly uuid: string;
  readonly vmgenid: string;
  readonly cpus: number;
  readonly memory: number;
  readonly disk: number;
  readonly interfaces: readonly { readonly mac: string }[];
}

/** Where the bridge is, and what keeps its files. */
export interface BridgePlace {
  readonly ns: NetNamespace;
  readonly layout: StoreLayout;
  /** The folder of dnsmasq's files. */
  readonly folder: string;
  /** What every command is run through. */
  readonly through: readonly string[];
}

/** A store whose instances are on a bridge, in a network that nobody else sees. */
export class BridgeLab {
  readonly ns: NetNamespace;
  readonly layout: StoreLayout;
  /** What every command is run through. */
  readonly through: readonly string[];
  readonly #folder: string;
  /** Variables for every command. */
  env: Record<string, string> = {};

  constructor({ ns, layout, folder, through }: BridgePlace) {
    this.ns = ns;
    this.layout = layout;
    this.through = through;
    this.#folder = folder;
  }

  /** Runs the command in the namespace, to whatever end. */
  async try(
    args: readonly string[],
    options: Partial<CommandOptions> = {},
  ): Promise<CommandResult> {
    const { env, through } = this;
    return await multipass(args, { store: this.layout.root, env, through, ...options });
  }

  /** Runs the command in the namespace. @returns stdout. @throws Error unless it succeeds */
  async multipass(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await this.try(args);
    if (exitCode === 0) return stdout.trim();
    throw new Error(`multipass ${args.join(' ')} exited with ${exitCode}:\n${stdout}${stderr}`);
  }

  /** Launches the smallest guest that may be from a disk, with more options. */
  async launch(disk: string, name: string, ...options: readonly string[]): Promise<void> {
    await this.multipass('launch', disk, '--name', name, ...SMALL, ...options);
  }

  /** What a shell in the guest prints. */
  async inGuest(name: string, script: string): Promise<string> {
    return await this.multipass('exec', name, '--', 'sh', '-c', script);
  }

  spec(name: string): Spec {
    return JSON.parse(readFileSync(this.layout.instance(name).spec, 'utf8')) as Spec;
  }

  /** The MAC of its first card. */
  mac(name: string): string {
    return this.spec(name).interfaces[0]!.mac;
  }

  /** Its tap, whether that is there or not. */
  tap(name: string, index = 0): string {
    return tapName(this.spec(name).uuid, index);
  }

  /** The addresses that `list` shows. */
  async listed(name: string): Promise<string[]> {
    const list: unknown = JSON.parse(await this.multipass('list', '--format', 'json'));
    const { list: rows } = list as { list: { name: string; ipv4: string[] }[] };
    return rows.find((row) => row.name === name)?.ipv4 ?? [];
  }

  /** The addresses that `info` shows. */
  async informed(name: string): Promise<string[]> {
    const info: unknown = JSON.parse(await this.multipass('info', name, '--format', 'json'));
    return (info as { info: Record<string, { ipv4: string[] }> }).info[name]?.ipv4 ?? [];
  }

  async state(name: string): Promise<string> {
    const info: unknown = JSON.parse(await this.multipass('info', name, '--format', 'json'));
    return (info as { info: Record<string, { state: string }> }).info[name]?.state ?? '';
  }

  leases(): Lease[] {
    const path = join(this.#folder, 'dnsmasq.leases');
    return existsSync(path) ? parseLeases(readFileSync(path, 'utf8')) : [];
  }

  /** The address of its first card, by the lease. */
  leased(name: string): string {
    return this.leases().find(({ mac }) => mac.toString() === this.mac(name))?.ip ?? 'none';
  }

  /** The addresses that the guest has, by its names for its cards. */
  async addresses(name: string): Promise<Record<string, string>> {
    const lines = await this.inGuest(name, 'ip -4 -o addr show scope global');
    const found = [...lines.matchAll(/^\d+: (\S+) +inet ([\d.]+)\//gm)];
    return Object.fromEntries(found.map(([, card = '', ip = '']) => [card, ip]));
  }

  qemuPid(name: string): number {
    const { pid } = JSON.parse(readFileSync(this.layout.instance(name).qemuPid, 'utf8')) as {
      pid: number;
    };
    return pid;
  }

  console(name: string): string {
    const path = this.layout.instance(name).consoleLog;
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  /** Name, subnet and address of the store's bridge. */
  bridge(): { name: string; gateway: string } {
    const text = readFileSync(join(this.#folder, 'network.json'), 'utf8');
    const { bridge, subnet } = JSON.parse(text) as { bridge: string; subnet: string };
    return { name: bridge, gateway: subnet.replace(/\.0\/24$/, '.1') };
  }

  /** The interfaces of the namespace but `lo`, and what each is plugged into. */
  async links(): Promise<Record<string, string | null>> {
    const { stdout } = await this.ns.run('ip', ['-json', 'link', 'show']);
    const links = JSON.parse(stdout) as { ifname?: string; master?: string }[];
    const named = links.flatMap(({ ifname, master }) =>
      ifname === undefined || ifname === 'lo' ? [] : [[ifname, master ?? null] as const],
    );
    return Object.fromEntries(named);
  }

  /** All that bridge mode may leave in the namespace, as one text. */
  async leftovers(): Promise<string> {
    const rules = await this.ns.run('nft', ['list', 'ruleset']);
    const pids = await this.ns.pids();
    const commands = pids.map((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')[0]);
    return [...Object.keys(await this.links()), rules.stdout, ...commands].join('\n').trim();
  }
}

/** Little memory, and the least disk. */
const SMALL = ['--memory', '512M', '--disk', '1G'];

/** Each test has a store in bridge mode, and a network namespace, which its processes do not survive. */
export const test = storeTest.extend<{ lab: BridgeLab }>({
  lab: async ({ root, onTestFailed }, use) => {
    await withNetNamespace(async (ns) => {
      const layout = new StoreLayout(root);
      const { through } = ns;
      const lab = new BridgeLab({ ns, layout, folder: layout.network, through });
      onTestFailed(() => tellConsoles(lab));
      await mkdir(lab.layout.root, { recursive: true, mode: 0o700 });
      await lab.multipass('set', 'local.network=bridge');
      await use(lab);
    });
  },
});

/** Each test has a store whose instances share a network, as whoever runs the tests. */
export const sharedTest = storeTest.extend<{ lab: BridgeLab }>({
  lab: async ({ root, onTestFailed }, use) => {
    const layout = new StoreLayout(root);
    const folder = layout.sharedNetwork;
    const lab = new BridgeLab({ ns: insideOf(folder), layout, folder, through: [] });
    onTestFailed(() => tellConsoles(lab));
    await mkdir(root, { recursive: true, mode: 0o700 });
    await lab.multipass('set', 'local.network=shared');
    // The network is there while nobody is on it, for whoever listens.
    const held = startMultipass(['network', 'run', '--', 'sleep', '100000'], { store: root });
    try {
      await until(() => existsSync(join(folder, 'dnsmasq.pid')));
      await use(lab);
    } finally {
      held.signalGroup('SIGKILL');
      await held.finished;
      await killAllIn(layout);
    }
  },
});

/** The namespace of a shared network that is up. */
function insideOf(folder: string): NetNamespace {
  const words = (): [string, ...string[]] => {
    const { pid } = JSON.parse(readFileSync(join(folder, 'holder.pid'), 'utf8')) as { pid: number };
    return enterWords(pid);
  };
  return {
    name: folder,
    get through() {
      return words();
    },
    run: async (file, args, options) => {
      const [first, ...more] = words();
      return await run(first, [...more, file, ...args], options);
    },
    pids: () => Promise.resolve([]),
  };
}

/** The end of what each guest said, which tells most of what went wrong. */
function tellConsoles(lab: BridgeLab): void {
  for (const name of readNames(lab)) {
    process.stderr.write(`--- console of ${name}\n${lab.console(name).slice(-2000)}\n`);
  }
}

function readNames({ layout }: BridgeLab): string[] {
  return existsSync(layout.instances) ? readdirSync(layout.instances) : [];
}

/** Listens to what guests ask the bridge's DHCP server. */
export interface DhcpWatch extends AsyncDisposable {
  /** Option 61 as a MAC address sent it, in hex with colons, each different one once, in order. */
  clientIds(mac: string): string[];
}

/** Interfaces that come later are listened to as well. */
export async function watchDhcp({ ns }: BridgeLab): Promise<DhcpWatch> {
  const [program, ...args] = [...ns.through, 'tcpdump', '-i', 'any', '-l', '-n', '-vv'];
  const child = spawn(program, [...args, 'udp', 'dst', 'port', '67'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let seen = '';
  child.stdout.on('data', (text: Buffer) => (seen += text.toString()));
  await once(child.stderr, 'data');
  return {
    clientIds: (mac) => clientIdsIn(seen, mac),
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      await once(child, 'close');
    },
  };
}

/** tcpdump knows hardware type 1 as `ether`, and prints the other types in decimal. */
function clientIdsIn(text: string, mac: string): string[] {
  const requests = text.split(/^(?=\S)/m).filter((one) => one.includes(mac));
  const ids = requests.flatMap((one) => {
    const [, type = '', id = ''] =
      /Client-ID \(61\), length \d+: (ether|hardware-type \d+)[ ,]+([0-9a-f:]+)/.exec(one) ?? [];
    if (id === '') return [];
    const number = type === 'ether' ? 1 : Number(type.split(' ')[1]);
    return [`${number.toString(16).padStart(2, '0')}:${id}`];
  });
  return [...new Set(ids)];
}

/** Looks again and again; the test's own time-out is the limit. */
export async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await setTimeout(50);
}
