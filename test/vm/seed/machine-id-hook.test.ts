import { execFileSync, spawnSync } from 'node:child_process';
import {
  chmod,
  lstat,
  mkdir,
  mkdtemp,
  readFile,
  readlink,
  rm,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { MACHINE_ID_HOOK } from '../../../src/vm/seed/machine-id-hook.js';

const OLD = '0123456789abcdef0123456789abcdef\n';
const MACHINE_ID = /^[0-9a-f]{32}\n$/;

/** A guest as far as the hook sees it: its paths are under `root`, its programs first on PATH. */
let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'guest-'));
  const folders = [
    'etc',
    'var/lib/dbus',
    'var/lib/cloud/instances',
    'proc/sys/kernel/random',
    'bin',
  ];
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  await writeFile(join(root, 'etc/machine-id'), OLD, { mode: 0o444 });
  await writeFile(join(root, 'proc/sys/kernel/random/uuid'), uuid());
  await program('systemctl', `echo "$@" >> ${root}/asked`);
  // As cloud-init's own does: once for an instance, and told of only when it is over.
  await program(
    'cloud-init-per',
    `[ "$1" = instance ] || exit 9
    sem=${root}/sem.$2; shift 2; [ -e "$sem" ] && exit 0; "$@"; code=$?; : > "$sem"; exit $code`,
  );
});
afterEach(() => rm(root, { recursive: true }));

function uuid(): string {
  return `${crypto.randomUUID()}\n`;
}

async function program(name: string, body: string): Promise<void> {
  await writeFile(join(root, 'bin', name), `#!/bin/sh\n${body}\n`);
  await chmod(join(root, 'bin', name), 0o755);
}

async function wasInstance(...ids: readonly string[]): Promise<void> {
  for (const id of ids) await mkdir(join(root, 'var/lib/cloud/instances', id));
}

/** Runs the hook as cloud-init does, at one boot. @returns the exit code */
function boot(): number | null {
  const script = MACHINE_ID_HOOK.replace('#cloud-boothook\n', '');
  const moved = script.replaceAll(/(?<= )\/(?=etc\/|var\/|proc\/)/g, `${root}/`);
  const env = { PATH: `${join(root, 'bin')}${delimiter}${process.env['PATH'] ?? ''}` };
  const result = spawnSync('/bin/sh', ['-c', moved], { env, encoding: 'utf8' });
  return result.status;
}

const idOf = (path = 'etc/machine-id'): Promise<string> => readFile(join(root, path), 'utf8');

describe('the machine-id of a guest', () => {
  it('stays at its first launch', async () => {
    await wasInstance('web');
    expect(boot()).toBe(0);
    expect(await idOf()).toBe(OLD);
    await expect(readFile(join(root, 'asked'))).rejects.toThrow('ENOENT');
  });

  it('stays where cloud-init has noted nothing', async () => {
    expect(boot()).toBe(0);
    expect(await idOf()).toBe(OLD);
  });

  it('is another one in a copy, whole and for all to read', async () => {
    await wasInstance('web', 'copy');
    expect(boot()).toBe(0);
    const made = await idOf();
    expect(made).toMatch(MACHINE_ID);
    expect(made).not.toBe(OLD);
    expect((await lstat(join(root, 'etc/machine-id'))).mode & 0o777).toBe(0o444);
    expect(await readFile(join(root, 'asked'), 'utf8')).toBe(
      '--no-block try-restart systemd-networkd.service\n',
    );
  });

  it('is made once, not at every boot', async () => {
    await wasInstance('web', 'copy');
    boot();
    const made = await idOf();
    await writeFile(join(root, 'proc/sys/kernel/random/uuid'), uuid());
    expect(boot()).toBe(0);
    expect(await idOf()).toBe(made);
  });

  it('is also that of D-Bus, which has a file of its own or a link', async () => {
    await wasInstance('web', 'copy');
    await writeFile(join(root, 'var/lib/dbus/machine-id'), OLD);
    expect(boot()).toBe(0);
    expect(await idOf('var/lib/dbus/machine-id')).toBe(await idOf());
    expect(await idOf()).not.toBe(OLD);

    await rm(join(root, 'sem.multipass-machine-id'));
    await rm(join(root, 'var/lib/dbus/machine-id'));
    await symlink('../../../etc/machine-id', join(root, 'var/lib/dbus/machine-id'));
    expect(boot()).toBe(0);
    expect(await readlink(join(root, 'var/lib/dbus/machine-id'))).toBe('../../../etc/machine-id');
  });

  it('is never missing, whichever program fails, and is made at the next boot when one was killed', async () => {
    for (const [at, name] of ['tr', 'chmod', 'sync', 'mv', 'ln', 'systemctl'].entries()) {
      await wasInstance(`a${at}`, `b${at}`);
      await rm(join(root, 'sem.multipass-machine-id'), { force: true });
      await rm(join(root, 'var/lib/dbus/machine-id'), { force: true });
      await writeFile(join(root, 'var/lib/dbus/machine-id'), OLD);
      // The shell that runs the hook, and what waits for it: as when the power goes.
      await program(name, 'kill -9 $(ps -o ppid= -p $PPID) $PPID $$');
      boot();
      expect(await idOf(), name).toMatch(MACHINE_ID);
      await rm(join(root, 'bin', name));
      await expect(lstat(join(root, 'sem.multipass-machine-id')), name).rejects.toThrow('ENOENT');
      await writeFile(join(root, 'proc/sys/kernel/random/uuid'), uuid());
      const before = await idOf();
      expect(boot(), name).toBe(0);
      expect(await idOf()).toMatch(MACHINE_ID);
      expect(await idOf()).not.toBe(before);
      await program('systemctl', 'exit 1');
    }
  });

  it('stays when there is no number to be had', async () => {
    await wasInstance('web', 'copy');
    await writeFile(join(root, 'proc/sys/kernel/random/uuid'), '');
    expect(boot()).not.toBe(0);
    expect(await idOf()).toBe(OLD);
  });
});

describe('the hook', () => {
  it.each([
    ['dash', '-n'],
    ['bash', '--posix', '-n'],
    ['busybox', 'sh', '-n'],
  ])('is a shell script to %s', (shell, ...args) => {
    const inner = /'\n([^]*)'\n$/.exec(MACHINE_ID_HOOK)?.[1] ?? 'fi';
    for (const input of [MACHINE_ID_HOOK, inner]) {
      expect(execFileSync(shell, args, { input, encoding: 'utf8' })).toBe('');
    }
  });

  it('is plain ASCII, and one argument in single quotes', () => {
    expect(MACHINE_ID_HOOK).toMatch(/^[\n\x20-\x7e]*$/);
    expect(MACHINE_ID_HOOK.split("'")).toHaveLength(3);
  });
});
