import { execFile } from 'node:child_process';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { StoreLayout } from '../../../src/store/layout.js';
import {
  enterGuest,
  runInGuest,
  shellWord,
  sshArguments,
  type Guest,
} from '../../../src/vm/guest/ssh.js';
import { test as base } from '../../support/store-fixture.js';

const execute = promisify(execFile);

function guestIn(root: string): Guest {
  const layout = new StoreLayout(root);
  return {
    layout,
    dir: layout.instance('web'),
    user: 'ubuntu',
    key: 'id_ed25519',
    address: { host: '127.0.0.1', port: 40_001 },
  };
}

/** What OpenSSH makes of the arguments: its own answer, by the names of its options. */
async function understood(guest: Guest): Promise<Record<string, string>> {
  const words = sshArguments(guest, [], { isTelling: true });
  const { stdout } = await execute('ssh', ['-G', ...words], {
    cwd: guest.layout.root,
  });
  const pairs = stdout.trim().split('\n');
  return Object.fromEntries(
    pairs.map((line) => {
      const at = line.indexOf(' ');
      return [line.slice(0, at), line.slice(at + 1)];
    }),
  );
}

/** A program in the place of ssh. */
const test = base.extend<{ guest: Guest; ssh: (script: string) => Promise<void> }>({
  guest: async ({ root }, use) => {
    await mkdir(root, { recursive: true });
    await use(guestIn(root));
  },
  ssh: async ({ root }, use) => {
    await use(async (script) => {
      const folder = join(root, 'bin');
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, 'ssh'), `#!/bin/sh\n${script}\n`);
      await chmod(join(folder, 'ssh'), 0o755);
      vi.stubEnv('PATH', `${folder}${delimiter}${process.env['PATH'] ?? ''}`);
    });
  },
});

describe('sshArguments', () => {
  test('are understood as they are meant', async ({ guest }) => {
    await mkdir(guest.layout.keys);
    await writeFile(guest.layout.key(guest.key), '');
    expect(await understood(guest)).toMatchObject({
      hostname: '127.0.0.1',
      port: '40001',
      user: 'ubuntu',
      identityfile: 'keys/id_ed25519',
      identitiesonly: 'yes',
      identityagent: 'none',
      batchmode: 'yes',
      passwordauthentication: 'no',
      preferredauthentications: 'publickey',
      stricthostkeychecking: 'accept-new',
      userknownhostsfile: 'instances/web/run/known_hosts',
      globalknownhostsfile: '/dev/null',
      hostkeyalias: 'instance',
      updatehostkeys: 'false',
      loglevel: 'ERROR',
    });
  });

  it('hold nothing of where the store is, whatever its path means to ssh', () => {
    const root = '/tmp/%h ~ "quoted" $HOME, a=b #c \\ ü';
    expect(sshArguments(guestIn(root))).toEqual(sshArguments(guestIn('/store')));
    expect(sshArguments(guestIn(root)).join('\0')).not.toMatch(/\/tmp|%|~|"/);
  });

  it('keep a user that looks like an option from being one', () => {
    const args = sshArguments({ ...guestIn('/store'), user: '-oProxyCommand=x' }, ['-T']);
    expect(args.slice(-3)).toEqual(['-T', '--', '-oProxyCommand=x@127.0.0.1']);
  });
});

describe('shellWord', () => {
  it('gives a program in any shell the very text', async () => {
    const argument = fc.string({ unit: 'grapheme' }).filter((text) => !text.includes('\0'));
    const nasty = fc.constantFrom(
      '',
      `'`,
      `''`,
      '$HOME',
      '`id`',
      '"',
      '\\',
      '\n',
      '-n',
      '~',
      '*',
      '!',
    );
    const words = fc.array(fc.oneof(argument, nasty), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(words, async (list) => {
        const line = `printf '%s\\0' ${list.map(shellWord).join(' ')}`;
        const { stdout } = await execute('/bin/sh', ['-c', line]);
        expect(stdout.split('\0').slice(0, -1)).toEqual(list);
      }),
      { numRuns: 60 },
    );
  });

  it('leaves a plain word as it is', () => {
    expect(shellWord('/usr/bin/env-2.0_a=b,c:d@e%f+g')).toBe('/usr/bin/env-2.0_a=b,c:d@e%f+g');
  });
});

describe('runInGuest', () => {
  test('gives the command as one word, and answers with its output', async ({ guest, ssh }) => {
    await ssh('for word; do last=$word; done; pwd; printf "%s" "$last"');
    const { stdout, exitCode } = await runInGuest(guest, 'echo  "a"; b');
    expect({ stdout, exitCode }).toEqual({
      stdout: `${guest.layout.root}\necho  "a"; b`,
      exitCode: 0,
    });
  });

  test('tells a command that fails from a guest that cannot be entered', async ({ guest, ssh }) => {
    await ssh('echo oh >&2; exit 3');
    await expect(runInGuest(guest, 'x')).rejects.toMatchObject({
      code: 'TOOL_FAILED',
      exitCode: 3,
    });
    expect((await runInGuest(guest, 'x', { okExitCodes: [0, 3] })).exitCode).toBe(3);
    await ssh('echo first >&2; echo "ssh: connect to host: refused" >&2; exit 255');
    await expect(runInGuest(guest, 'x')).rejects.toMatchObject({
      code: 'SSH_FAILED',
      message: 'cannot enter "web" by ssh: ssh: connect to host: refused',
    });
  });

  test('tells a host key that is another one', async ({ guest, ssh }) => {
    await ssh('echo "@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @" >&2; exit 255');
    await expect(runInGuest(guest, 'x')).rejects.toMatchObject({
      code: 'HOST_KEY_CHANGED',
      message: 'the ssh host key of "web" is not the one it had before',
      hint: expect.stringContaining(guest.dir.knownHosts) as string,
    });
  });
});

describe('enterGuest', () => {
  test('passes the exit code on, and asks for a terminal when there is one', async ({
    guest,
    ssh,
  }) => {
    await ssh(`printf '%s ' "$@" >asked; exit 42`);
    const asked = async (): Promise<string> => readFile(join(guest.layout.root, 'asked'), 'utf8');
    expect(await enterGuest(guest, { command: 'ls', terminal: true, tell: () => undefined })).toBe(
      42,
    );
    expect(await asked()).toMatch(/ -tt -- ubuntu@127\.0\.0\.1 ls $/);
    await enterGuest(guest, { command: null, terminal: false, tell: () => undefined });
    expect(await asked()).toMatch(/ -T -- ubuntu@127\.0\.0\.1 $/);
  });
});
