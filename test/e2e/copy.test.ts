import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { pipeProgram } from '../../src/process/connect.js';
import { findProgram } from '../../src/process/programs.js';
import { run } from '../../src/process/run.js';
import { StoreLayout } from '../../src/store/layout.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { instanceEntryNames } from '../../src/store/listing.js';
import { COMMAND } from '../support/bin.js';
import { multipass } from '../support/command.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance, test } from '../support/store-fixture.js';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Another host: a real sshd on this one's loopback, whose `multipass` has a store of its own. */
async function otherHost(folder: string) {
  await mkdir(folder, { mode: 0o700 });
  const at = (name: string): string => join(folder, name);
  for (const key of ['host', 'user']) {
    await run('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', at(key)]);
  }
  await writeFile(at('authorized'), await readFile(at('user.pub')), { mode: 0o600 });
  const port = await freePort();
  const store = at('store');
  await mkdir(at('bin'));
  const words = COMMAND.map((word) => `'${word}'`).join(' ');
  const script = `#!/bin/sh\nexport MULTIPASS_STORAGE='${store}'\nexec ${words} "$@"\n`;
  await writeFile(at('bin/multipass'), script);
  await chmod(at('bin/multipass'), 0o755);
  await writeFile(
    at('sshd_config'),
    `ListenAddress 127.0.0.1:${port}
HostKey ${at('host')}
AuthorizedKeysFile ${at('authorized')}
StrictModes no
UsePAM no
PasswordAuthentication no
PermitRootLogin prohibit-password
PidFile none
SetEnv PATH=${at('bin')}:/usr/bin:/bin:/usr/sbin
`,
  );
  const [, key = ''] = /^(\S+ \S+)/.exec(await readFile(at('host.pub'), 'utf8')) ?? [];
  await writeFile(at('known'), `[127.0.0.1]:${port} ${key}\n`);
  await writeFile(
    at('ssh_config'),
    `Host other
  HostName 127.0.0.1
  Port ${port}
  User ${userInfo().username}
  IdentityFile ${at('user')}
  IdentitiesOnly yes
  UserKnownHostsFile ${at('known')}
`,
  );
  // The user's own ssh, with the configuration of a user.
  await mkdir(at('ours'));
  const ssh = findProgram('ssh') ?? 'ssh';
  await writeFile(at('ours/ssh'), `#!/bin/sh\nexec '${ssh}' -F '${at('ssh_config')}' "$@"\n`);
  await chmod(at('ours/ssh'), 0o755);
  if (process.geteuid?.() === 0) await run('mkdir', ['-p', '/run/sshd']);
  const sshd = findProgram('sshd', ['/usr/sbin']) ?? 'sshd';
  const server = await pipeProgram(sshd, ['-D', '-e', '-f', at('sshd_config')], { cwd: '/' });
  server.errors.resume();
  server.input.resume();
  const PATH = `${at('ours')}:${process.env['PATH'] ?? ''}`;
  for (let tries = 0; ; tries += 1) {
    const asked = await run(at('ours/ssh'), ['other', 'true'], { okExitCodes: [0, 255] });
    if (asked.exitCode === 0) break;
    if (tries > 50) throw new Error(asked.stderr);
    await setTimeout(100);
  }
  return {
    layout: new StoreLayout(store),
    env: { PATH },
    bin: at('bin/multipass'),
    async [Symbol.asyncDispose]() {
      server.stop();
      await server.ended;
    },
  };
}

describe('an instance', () => {
  test('is copied to another host, which gets no base that it has, and moves', async ({
    root,
    store: { layout },
  }) => {
    await using other = await otherHost(join(root, '..', 'host'));
    const options = { store: root, env: other.env };
    await makeInstance(layout, 'web', { thin: true });
    const first = await multipass(['copy', 'web', 'other:'], options);
    expect(first).toMatchObject({ exitCode: 0 });
    expect(first.stdout).toMatch(/^Copied web to web on other \(\d.* sent\)\.\n$/);
    const again = await multipass(['copy', 'web', 'other:web-2', '--format', 'json'], options);
    const { size } = await (
      await import('node:fs/promises')
    ).stat(layout.instance('web').file('base-image.qcow2'));
    expect(JSON.parse(again.stdout)).toMatchObject({
      ...{ copied: 'web', name: 'web-2', moved: false, bytes_there: size },
    });
    const { spec } = readInstance(layout, 'web');
    expect(readInstance(other.layout, 'web-2').spec.uuid).not.toBe(spec.uuid);
    const moved = await multipass(['copy', 'web', 'other:web-3', '--move'], options);
    expect(moved).toMatchObject({ exitCode: 0 });
    expect(moved.stdout).toContain('Moved web to web-3 on other');
    expect(readInstance(other.layout, 'web-3').spec.uuid).toBe(spec.uuid);
    expect(readInstance(layout, 'web').state).toBe('Deleted');
    expect(await expectSoundStore(other.layout)).toEqual(['web', 'web-2', 'web-3']);
  });

  test('stays as it was when the other side refuses it, or is not there', async ({
    root,
    store: { layout },
  }) => {
    await using other = await otherHost(join(root, '..', 'host'));
    const options = { store: root, env: other.env };
    await makeInstance(layout, 'web');
    await multipass(['copy', 'web', 'other:'], options);
    const taken = await multipass(['copy', 'web', 'other:', '--move'], options);
    expect(taken.exitCode).toBe(2);
    expect(taken.stderr).toContain('"other" did not take it');
    expect(taken.stderr).toContain('already exists');
    const nowhere = await multipass(['copy', 'web', 'no-such-host.invalid:'], options);
    expect(nowhere.exitCode).not.toBe(0);
    expect(nowhere.stderr).toContain('ssh could not get to "no-such-host.invalid"');
    // Whatever ends there in the middle, and says why.
    await writeFile(other.bin, '#!/bin/sh\nhead -c 5000 >/dev/null\necho boom >&2\nexit 7\n');
    const broken = await multipass(['copy', 'web', 'other:x', '--move'], options);
    expect(broken.exitCode).toBe(2);
    expect(broken.stderr).toContain('boom');
    await writeFile(other.bin, '#!/bin/sh\ncat >/dev/null\necho "{}"\n');
    expect((await multipass(['copy', 'web', 'other:x', '--move'], options)).exitCode).toBe(2);
    expect(readInstance(layout, 'web').state).toBe('Stopped');
    expect(instanceEntryNames(other.layout)).toEqual(['web']);
    for (const host of ['-oProxyCommand=x:', 'a b:', '$(id):', "x'y:", 'nothing', ':']) {
      const refused = await multipass(['copy', 'web', '--', host], options);
      expect(refused.exitCode, host).not.toBe(0);
      expect(refused.stdout).toBe('');
    }
  });
});

test('a store says which bases it has', async ({ root, store: { layout } }) => {
  await makeInstance(layout, 'web', { thin: true });
  const file = layout.instance('web').file('base-image.qcow2');
  const { stdout } = await run('sha256sum', [file]);
  const digest = `sha256:${stdout.split(' ')[0] ?? ''}`;
  expect(await multipass(['import', '--have'], { store: root })).toMatchObject({
    ...{ stdout: `${digest}\n`, exitCode: 0 },
  });
  expect((await multipass(['import', '--have', '1'], { store: root })).stdout).toBe('');
  expect((await multipass(['import', '--have', 'x'], { store: root })).exitCode).toBe(1);
});
