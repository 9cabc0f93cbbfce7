import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { MacAddress } from '../../src/net/mac-address.js';
import { StoreLayout } from '../../src/store/layout.js';
import { cloneInstance } from '../../src/vm/clone/clone-instance.js';
import { newSeed } from '../../src/vm/seed/new-seed.js';
import { createInstance } from '../../src/vm/launch/create-instance.js';
import { Work } from '../../src/work.js';
import { obtainImage } from '../../src/vm/images/obtain-image.js';
import { startMachine } from '../../src/vm/run/start-instance.js';
import { stopInstance } from '../../src/vm/run/stop-instance.js';
import { purgeInstance } from '../../src/vm/delete-instance.js';
import { prepareStore } from '../../src/vm/sweep.js';
import { ImageServer, sha256Of } from '../support/image-server.js';
import { runQuickly } from './command.js';
import { measure } from './measure.js';
import type { Comparison } from './report.js';
import type { Bench } from './section.js';
import type { Timing } from './timing.js';

const ENV = { MULTIPASS_ACCELERATOR: 'tcg' };
const MEMORY = 512 * 1024 ** 2;
const USUAL = { cpus: 1, memory: MEMORY, image: '', usualDisk: 5 * 1024 ** 3 };

/**
 * What we add to QEMU: a launch from an image that is in the store, up to the moment QEMU runs its guest; a start; and
 * a clone of a launched instance that wrote 100 MiB; each against the plain commands that do the same by hand. No
 * guest is waited for, so a disk without a system does for an image.
 */
export async function benchLaunch(bench: Bench): Promise<Comparison[]> {
  const disk = join(bench.folder, 'image.qcow2');
  await runQuickly(['qemu-img', 'create', '-q', '-f', 'qcow2', disk, '2G']);
  await runQuickly(['qemu-io', '-f', 'qcow2', '-c', 'write -q -P 7 0 600M', disk]);
  const server = await ImageServer.start({ disk });
  try {
    // It would work that out for each answer.
    server.promisedSha256 = sha256Of(disk);
    return await timeAll(bench, { disk, mirror: server.url });
  } finally {
    await server.close();
  }
}

async function timeAll(
  { folder, signal, say }: Bench,
  { disk: file, mirror }: { disk: string; mirror: string },
): Promise<Comparison[]> {
  const layout = new StoreLayout(join(folder, 'store'));
  await prepareStore(layout);
  const work = Work.of({ signal });
  const obtain = (query: string) => obtainImage({ layout, query, mirror, work });
  const image = await obtain('');
  const hand = new ByHand(folder, image.dir.disk);
  const launch = (query: string) => ({
    work: async () => {
      const again = await obtain(query);
      await createInstance({ layout, name: 'fresh', ...USUAL, work }, again);
      await startMachine({ layout, name: 'fresh', env: ENV, work });
    },
    undo: () => purgeInstance(layout, 'fresh'),
  });
  say('launch and start');
  await createInstance({ layout, name: 'started', ...USUAL, work }, image);
  const times = await measure(
    {
      launch: launch(''),
      'launch of a file': launch(file),
      'launch by hand': { work: () => hand.launch(), undo: () => hand.end() },
      start: {
        work: () => startMachine({ layout, name: 'started', env: ENV, work: { signal } }),
        undo: () => stopInstance({ layout, name: 'started', force: true }),
      },
      'start by hand': { work: () => hand.start(), undo: () => hand.end() },
    },
    { count: 10, signal },
  );
  say('clone');
  const { disk } = layout.instance('started');
  await runQuickly(['qemu-io', '-f', 'qcow2', '-c', 'write -q -P 9 1G 100M', disk]);
  const clones = await measure(
    {
      clone: {
        work: () => cloneInstance({ layout, source: 'started', name: 'copy' }),
        undo: () => purgeInstance(layout, 'copy'),
      },
      'clone by hand': { work: () => hand.copy(disk), undo: () => hand.forgetCopy() },
    },
    { count: 10, signal },
  );
  const compare = (name: string, ours: Timing, theirs: Timing): Comparison => ({
    name,
    ours: ours.as('library'),
    against: theirs.as('by hand'),
  });
  return [
    compare('launch of a cached image', times.launch, times['launch by hand']),
    compare('launch of a file, 600 MiB', times['launch of a file'], times['launch by hand']),
    compare('start', times.start, times['start by hand']),
    compare('clone, 100 MiB written', clones.clone, clones['clone by hand']),
  ];
}

/** The commands that somebody would type. */
class ByHand {
  readonly #folder: string;
  readonly #image: string;
  readonly #head: string;
  readonly #seed: string;
  #pid: number | undefined;

  constructor(folder: string, image: string) {
    this.#folder = join(folder, 'by-hand');
    this.#image = image;
    this.#head = join(this.#folder, 'head.qcow2');
    this.#seed = join(this.#folder, 'seed.iso');
  }

  async launch(): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
    await mkdir(this.#folder);
    const layer = ['create', '-q', '-f', 'qcow2', '-F', 'qcow2', '-b', this.#image];
    await runQuickly(['qemu-img', ...layer, this.#head, '5G']);
    writeFileSync(this.#seed, handMadeSeed());
    await runQuickly(['sync', this.#head, this.#seed, this.#folder]);
    await this.start();
  }

  /** Until QEMU answers on its control socket, as ours does. */
  async start(): Promise<void> {
    const socket = join(this.#folder, 'qmp.sock');
    await rm(socket, { force: true });
    const child = spawn('qemu-system-x86_64', this.#arguments(socket), {
      detached: true,
      stdio: 'ignore',
    });
    child.unref();
    this.#pid = child.pid;
    while (!(await answers(socket))) await pause(5);
  }

  async end(): Promise<void> {
    const pid = this.#pid;
    if (pid === undefined) return;
    process.kill(pid, 'SIGKILL');
    while (existsSync(`/proc/${pid}/exe`)) await pause(5);
  }

  async copy(disk: string): Promise<void> {
    const target = join(this.#folder, 'copy.qcow2');
    await runQuickly(['cp', '--reflink=auto', '--sparse=auto', disk, target]);
    await runQuickly(['sync', target, this.#folder]);
  }

  async forgetCopy(): Promise<void> {
    await rm(join(this.#folder, 'copy.qcow2'));
  }

  #arguments(socket: string): string[] {
    return [
      ...['-nodefaults', '-display', 'none', '-machine', 'pc', '-accel', 'tcg', '-cpu', 'max'],
      ...['-m', '512M', '-qmp', `unix:${socket},server=on,wait=off`],
      ...['-device', 'virtio-scsi-pci,id=scsi0'],
      ...['-drive', `file=${this.#head},if=none,id=hda,format=qcow2`],
      ...['-device', 'scsi-hd,drive=hda,bus=scsi0.0', '-netdev', 'user,id=net0'],
      ...['-device', 'virtio-net-pci,netdev=net0,romfile='],
    ];
  }
}

/** Whether QEMU answers a command. It greets long before it has made its machine. */
async function answers(socket: string): Promise<boolean> {
  const connection = createConnection(socket);
  try {
    connection.write('{"execute":"qmp_capabilities"}\n');
    for (let said = ''; !said.includes('"return"');) {
      const [piece] = (await once(connection, 'data')) as [Buffer];
      said += piece.toString();
    }
    return true;
  } catch {
    // It is not there, or nobody listens yet.
    return false;
  } finally {
    connection.destroy();
  }
}

function handMadeSeed(): Buffer {
  return newSeed({
    hostname: 'hand',
    instanceId: 'hand',
    interfaces: [{ mac: MacAddress.parse('52:54:00:00:00:01'), auto: true }],
    publicKey: 'ssh-ed25519 AAAA hand',
    userData: null,
    timezone: 'UTC',
  });
}
