import { randomUUID } from 'node:crypto';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../../src/process/run.js';
import { writeIso } from '../../../src/vm/seed/iso9660-writer.js';
import { guestImage } from '../../support/guests.js';
import { handMadeMac } from '../../support/store-fixture.js';
import { startMultipass } from '../../support/command.js';
import { sharedTest, test, until, watchDhcp, type BridgeLab } from './bridge-support.js';

describe.each([
  ['a bridge of the host', test],
  ['the network that instances share', sharedTest],
] as const)('two guests with the same machine-id on %s', (_, test) => {
  test(
    'have the same address when one is a copy as Multipass made it, and not when it is ours',
    {
      timeout: 400_000,
    },
    async ({ lab }) => {
      await useAnyNetwork(lab);
      await lab.launch(await guestImage('tiny'), 'source');
      await lab.multipass('stop', 'source');
      await writeOldSeed(lab, 'source', lab.spec('source').uuid);
      await lab.multipass('clone', 'source', '--name', 'ours');
      await copyByHand(lab, 'source', 'theirs');
      await using requests = await watchDhcp(lab);

      // The fault.
      const source = await boot(lab, 'source');
      const theirs = await boot(lab, 'theirs');
      expect(theirs).toEqual({ ...source, host: 'theirs' });
      const duid = requests.clientIds(lab.mac('source'));
      expect(duid).toEqual([expect.stringMatching(/^ff:/)]);
      expect(requests.clientIds(lab.mac('theirs'))).toEqual(duid);
      // The lease went to who asked last.
      const holders = lab.leases().filter(({ ip }) => ip === source.ip);
      expect(holders.map(({ mac }) => mac.toString())).toEqual([lab.mac('theirs')]);
      await lab.multipass('stop', '--force', 'theirs');

      // The same source, the same server.
      const ours = await boot(lab, 'ours');
      expect(ours.ip).not.toBe(source.ip);
      expect(ours.machineId).not.toBe(source.machineId);
      expect(requests.clientIds(lab.mac('ours'))).toEqual([`01:${lab.mac('ours')}`]);
      expect(lab.leased('ours')).toBe(ours.ip);
      await lab.inGuest('ours', `ping -c 1 -W 5 ${source.ip}`);

      await lab.multipass('delete', '--purge', '--all');
      // What listens is the test's own.
      if (lab.through.length > 0) expect(await lab.leftovers()).toBe('tcpdump');
    },
  );
});

/** A guest as it describes itself once it is up. */
interface Described {
  readonly host: string;
  readonly machineId: string;
  readonly ip: string;
}

/** Starts a guest, and lets go of it when it is up: whether it can be entered is another question. */
async function boot(lab: BridgeLab, name: string): Promise<Described> {
  const { through } = lab;
  // What it said at its last boot.
  await rm(lab.layout.instance(name).consoleLog, { force: true });
  const start = startMultipass(['start', name], { store: lab.layout.root, through, env: lab.env });
  const ready = /TINY-READY host=(\S+) .*machine-id=(\S+) .*ip=([\d.]+)\//;
  await until(() => ready.test(lab.console(name)));
  start.signalGroup('SIGINT');
  await start.finished;
  const [, host = '', machineId = '', ip = ''] = ready.exec(lab.console(name)) ?? [];
  return { host, machineId, ip };
}

/**
 * A DHCP server as anywhere else, and a network that pins nobody. The one of our bridge knows its guests by their MAC
 * addresses alone, and nobody is heard there with the address of another: that hides the fault, but not on the networks
 * that guests are bridged to.
 */
async function useAnyNetwork(lab: BridgeLab): Promise<void> {
  const folder = join(dirname(lab.layout.root), 'programs');
  await mkdir(folder);
  const programOf = async (name: string): Promise<string> =>
    (await run('sh', ['-c', `command -v ${name}`])).stdout.trim();
  const dnsmasq = `for word; do
  shift
  case $word in
    --dhcp-ignore-clid | --dhcp-host=*) continue ;;
    --dhcp-range=*) word=$(echo "$word" | sed 's/=\\(.*\\)\\.0,static,/=\\1.2,\\1.254,/') ;;
  esac
  set -- "$@" "$word"
done
exec ${await programOf('dnsmasq')} "$@"`;
  const nft = `case $* in *'table bridge'*) exit 1 ;; esac
exec ${await programOf('nft')} "$@"`;
  for (const [name, script] of Object.entries({ dnsmasq, nft })) {
    await writeFile(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  }
  lab.env = { PATH: `${folder}:${process.env['PATH'] ?? ''}` };
}

/** The seed of an instance from before Multipass 1.15, which told a guest nothing about DHCP client ids. */
async function writeOldSeed(lab: BridgeLab, name: string, instanceId: string): Promise<void> {
  const { stdout: key } = await run('ssh-keygen', ['-y', '-f', lab.layout.key('id_ed25519')]);
  const files = {
    'meta-data': `#cloud-config\ninstance-id: ${instanceId}\nlocal-hostname: ${name}\ncloud-name: multipass\n`,
    'vendor-data': `#cloud-config\nusers:\n  - default\nssh_authorized_keys:\n  - ${key.trim()}\n`,
    'user-data': '#cloud-config\n{}\n',
    'network-config': `#cloud-config\nversion: 2\nethernets:\n  default:\n    match:\n      macaddress: "${lab.mac(name)}"\n    dhcp4: true\n`,
  };
  const seed = Object.entries(files).map(([file, text]) => ({
    name: file,
    data: Buffer.from(text),
  }));
  await writeFile(lab.layout.instance(name).seed, writeIso(seed));
}

/** A copy as the first `multipass clone` made it: MAC address, name and instance-id are new, and that is all. */
async function copyByHand(lab: BridgeLab, source: string, name: string): Promise<void> {
  const dir = lab.layout.instance(name);
  await cp(lab.layout.instance(source).path, dir.path, { recursive: true });
  await rm(dir.run, { recursive: true });
  const spec = JSON.parse(await readFile(dir.spec, 'utf8')) as { interfaces: [{ mac: string }] };
  spec.interfaces[0].mac = handMadeMac().toString();
  const changes = { uuid: randomUUID(), vmgenid: randomUUID() };
  await writeFile(dir.spec, JSON.stringify({ ...spec, ...changes }));
  await writeOldSeed(lab, name, name);
}
