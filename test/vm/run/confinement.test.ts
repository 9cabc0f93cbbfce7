import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { geteuid } from 'node:process';
import { describe, expect, onTestFinished } from 'vitest';
import { setLogSink } from '../../../src/log.js';
import { filesOfConfined, logConfinement } from '../../../src/vm/run/confinement.js';
import { confinedSftpServer } from '../../../src/vm/mounts/sftp-server.js';
import { planNativeMounts } from '../../../src/vm/mounts/native-mount.js';
import { replaceProgram } from '../../support/replace-program.js';
import { test } from '../../support/store-fixture.js';

const QEMU = 'qemu-system-x86_64';

/** What bubblewrap says where AppArmor restricts user namespaces: Ubuntu 24.04 in two ways, and a container. */
const REFUSALS = [
  'bwrap: setting up uid map: Permission denied',
  'bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted',
  'bwrap: No permissions to create a new namespace, likely because the kernel does not allow it',
] as const;

const refusing = (text: string): string => `echo '${text}' >&2; exit 1`;

const PROFILE =
  'sudo cp /usr/share/apparmor/extra-profiles/bwrap-userns-restrict /etc/apparmor.d/ && ' +
  'sudo apparmor_parser -r /etc/apparmor.d/bwrap-userns-restrict';

function logged(): string[] {
  const lines: string[] = [];
  setLogSink({ verbosity: 1, write: (line) => void lines.push(line) });
  onTestFinished(() => setLogSink(undefined));
  return lines;
}

describe('filesOfConfined', () => {
  test('finds once in a boot that a sandbox works, and what QEMU consists of', async ({
    store,
    root,
  }) => {
    const { layout } = store;
    const found = await filesOfConfined(layout, QEMU);
    expect(found?.parts).toContain(found?.program);
    expect(found?.parts.some((path) => path.endsWith('/libc.so.6'))).toBe(true);
    // From now on nothing is tried out.
    await replaceProgram(join(root, 'bin'), 'bwrap', refusing(REFUSALS[0]));
    expect(await filesOfConfined(layout, QEMU)).toEqual(found);
    // Unless it is another boot, or another QEMU.
    const record = await readFile(layout.confinementFile, 'utf8');
    expect(JSON.parse(record)).toMatchObject({ stamp: expect.stringContaining('-') as string });
    await rm(layout.confinementFile);
    expect(await filesOfConfined(layout, QEMU)).toBeNull();
  });

  test.for(REFUSALS)('is told once where there is none: %s', async (text, { store, root }) => {
    await replaceProgram(join(root, 'bin'), 'bwrap', refusing(text));
    const lines = logged();
    expect(await filesOfConfined(store.layout, QEMU)).toBeNull();
    expect(lines.join('')).toContain(
      `QEMU is in no sandbox: bubblewrap does not work here: ${text}`,
    );
    lines.length = 0;
    await logConfinement();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain(text);
    expect(lines[0]).toContain(PROFILE);
  });
});

describe('mounts where bubblewrap does not work', () => {
  test.for(REFUSALS)('are refused with what to type: %s', async (text, { root }) => {
    await replaceProgram(join(root, 'bin'), 'bwrap', refusing(text));
    const ids = { uid: geteuid!(), gid: 0 };
    const files = { passwd: 'passwd', filter: 'filter' };
    await expect(confinedSftpServer('/srv', ids, files)).rejects.toMatchObject({
      code: 'SANDBOX_UNAVAILABLE',
      message: `classic mounts need a sandbox, and bubblewrap does not work here: ${text}`,
      hint: expect.stringContaining(PROFILE) as string,
    });
  });

  test.runIf(geteuid!() === 0)('are refused to root natively, too', async ({ root }) => {
    await replaceProgram(join(root, 'bin'), 'bwrap', refusing(REFUSALS[1]));
    const same = [{ host: 0, guest: 0 }];
    const mount = {
      source: root.slice(0, root.lastIndexOf('/')),
      target: '/mnt',
      type: 'native',
    } as const;
    const plan = await planNativeMounts([{ ...mount, uidMappings: same, gidMappings: same }], {
      makesTaps: false,
    });
    expect(plan.shares).toEqual([]);
    expect(plan.refused[0]?.problem).toContain(`bubblewrap does not work here: ${REFUSALS[1]}`);
  });
});
