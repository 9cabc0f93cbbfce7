import { randomUUID } from 'node:crypto';
import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { writeMachine } from '../../src/vm/records/machine-record.js';
import { pretendToRun } from './pretend-to-run.js';
import { makeInstance } from './store-fixture.js';

/** OpenSSH's own server, as the tests' machines have it. */
export const SFTP_SERVER = '/usr/lib/openssh/sftp-server';

/** An instance that looks as if it ran, whose guest is a program of this host. */
export interface PretendGuest {
  readonly dir: InstanceDir;
  /** The folder that is its user's home. */
  readonly home: string;
  /** PATH with an ssh that leads to it. */
  readonly path: string;
}

/**
 * Makes an instance that looks as if it ran, and an ssh that leads to a shell script in place of a guest.
 * @param script default: the real SFTP server, in the guest's home
 */
export async function pretendGuest(
  layout: StoreLayout,
  name: string,
  script = `exec ${SFTP_SERVER} -d "$GUEST_HOME"`,
): Promise<PretendGuest> {
  const dir = await makeInstance(layout, name, { data: 0, spec: { sshKey: 'key' } });
  await mkdir(layout.keys, { recursive: true });
  await writeFile(layout.key('key'), 'a key');
  await pretendToRun(dir);
  const [uuid, vmgenid, mac] = [randomUUID(), randomUUID(), '52:54:00:00:00:01'];
  await writeMachine(dir, {
    machine: {
      ...{ arch: 'x86_64', type: 'pc', accelerator: 'tcg', cpus: 1, memory: 1024 ** 3 },
      ...{ uuid, vmgenid, hasSeed: false, shares: [], seenAs: null },
      cards: [{ mac, backend: { kind: 'user', subnet: '10.0.0.0/24', sshPort: 1 } }],
    },
    started: new Date().toISOString(),
  });
  const [home, bin] = [join(layout.root, '..', `home of ${name}`), join(layout.root, '..', 'bin')];
  for (const folder of [home, bin]) await mkdir(folder, { recursive: true });
  await writeFile(join(bin, 'ssh'), `#!/bin/sh\nGUEST_HOME='${home}'\n${script}\n`);
  await chmod(join(bin, 'ssh'), 0o755);
  return { dir, home, path: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
}
