import {
  chmod,
  chown,
  mkdir,
  readdir,
  readFile,
  readlink,
  rename,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { delimiter, dirname, join, relative } from 'node:path';
import { geteuid } from 'node:process';
import { describe, expect, vi } from 'vitest';
import { readInstance } from '../../../src/vm/read-instance.js';
import { test } from './mounts-support.js';
import { kill, processesIn, qemuOf, type GuestStore } from './support.js';

/** The tests of this file are the steps of one story: each goes on where the one before it ended. */

const ROOT = geteuid!() === 0;
/** The guest looks again after this long. */
const CACHED = { timeout: 15_000, interval: 500 };
/** Says which boot it is, once a keeper has mounted again: that of the outermost is not the first to be there. */
const BOOTED = 'grep -q " /mnt/nat/inner " /proc/mounts && cat /proc/sys/kernel/random/boot_id';
const NAMES = [`it's a "file"`, '-rf', 'naïve – файл 文件', '$HOME `id` \\n', ' blank '];

/** The ids that the guest sees of a path. */
async function idsOf({ sh }: GuestStore, path: string): Promise<string> {
  return await sh('web', `stat -c %u:%g "${path}"`);
}

async function mounted({ sh }: GuestStore): Promise<string[]> {
  const lines = await sh('web', `grep ^m /proc/mounts | cut -d ' ' -f 2,3 || :`);
  return lines.split('\n').toSorted();
}

/** What keeps mounts up. */
function keepers({ layout }: GuestStore): string[] {
  const programs = processesIn(layout).filter(({ folder }) => folder === '');
  return programs.map(({ program }) => program).toSorted();
}

describe('a classic mount', () => {
  test('comes with the launch, and is read and written from both sides', async ({
    guests,
    host,
  }) => {
    for (const name of NAMES) await writeFile(join(host.classic, name), `host: ${name}`);
    const launched = await guests.launch('web', '--mount', `${host.classic}:shared`);
    expect(launched).toBe(
      `Launched: web\nMounted '${host.classic}' into 'web:/home/ubuntu/shared'\n`,
    );
    for (const name of NAMES) {
      const words = ['exec', 'web', '--', 'cat', `shared/${name}`];
      expect(await guests.ok(words)).toBe(`host: ${name}`);
    }
    const write =
      'cd shared; for f in *; do printf "guest: %s" "$f" >"./$f"; cp "./$f" "./$f 2"; done';
    await guests.sh('web', write);
    expect((await readdir(host.classic)).toSorted()).toEqual(
      NAMES.flatMap((name) => [name, `${name} 2`]).toSorted(),
    );
    for (const name of NAMES) {
      expect(await readFile(join(host.classic, `${name} 2`), 'utf8')).toBe(`guest: ${name}`);
    }
    await guests.sh('web', 'rm -r shared/*; mkdir -p shared/a/b; echo deep >shared/a/b/c');
    expect(await readFile(join(host.classic, 'a/b/c'), 'utf8')).toBe('deep\n');
  });

  test('is where an alias runs whose host folder it is', async ({ guests, host }) => {
    const { layout } = guests;
    const env = { PATH: `${process.env['PATH']}${delimiter}${layout.bin}` };
    const inFolder = (cwd: string) => ({ cwd, env });
    await guests.ok(['alias', 'web:pwd', 'where'], { env });
    await guests.ok(['alias', 'web:pwd', 'home', '-n'], { env });
    const deep = join(host.classic, 'deep er');
    await mkdir(deep);
    expect(await guests.ok(['where'], inFolder(deep))).toBe('/home/ubuntu/shared/deep er\n');
    expect(await guests.ok(['default.where'], inFolder('/'))).toBe('/home/ubuntu\n');
    expect(await guests.ok(['home'], inFolder(host.classic))).toBe('/home/ubuntu\n');
    await guests.ok(['alias', 'web:sh', 'run'], { env });
    const words = ['default.run', '-c', 'printf "%s|" "$@"; cat; exit 7', '--', 'a  b', '--', '-v'];
    expect(await guests.multipass(words, { cwd: deep, input: 'in' })).toEqual({
      stdout: 'a  b|--|-v|in',
      stderr: '',
      exitCode: 7,
    });
    await rm(deep, { recursive: true });
    await guests.ok(['unalias', '--all']);
  });

  test('maps ids both ways', async ({ guests, host }) => {
    const { sh } = guests;
    await sh('web', 'echo mine >shared/mine');
    // By default the host's user is the guest's.
    expect(await idsOf(guests, 'shared/mine')).toBe('1000:1000');
    expect((await stat(join(host.classic, 'mine'))).uid).toBe(geteuid!());
    if (!ROOT) return;
    const other = join(host.classic, 'other');
    await mkdir(other);
    await chown(other, 4321, 1234);
    const maps = ['-u', '4321:1000', '-g', '1234:1000', '-u', '4322:0'];
    await guests.ok(['mount', ...maps, other, 'web:/mnt/other']);
    await sh('web', 'echo mine >/mnt/other/mine');
    expect(await stat(join(other, 'mine'))).toMatchObject({ uid: 4321, gid: 1234 });
    await writeFile(join(other, 'theirs'), '');
    await chown(join(other, 'theirs'), 4322, 7777);
    expect(await idsOf(guests, '/mnt/other')).toBe('1000:1000');
    expect(await idsOf(guests, '/mnt/other/theirs')).toBe('0:7777');
    await guests.ok(['umount', 'web:/mnt/other']);
  });

  test('of the same folder may be there twice, and goes by itself', async ({ guests, host }) => {
    await guests.ok(['mount', host.classic, 'web:/mnt/again']);
    expect(await guests.sh('web', 'cat /mnt/again/a/b/c shared/a/b/c')).toBe('deep\ndeep');
    expect(await mounted(guests)).toEqual([
      '/home/ubuntu/shared fuse.sshfs',
      '/mnt/again fuse.sshfs',
    ]);
    await guests.ok(['umount', 'web:/mnt/again']);
    expect(await mounted(guests)).toEqual(['/home/ubuntu/shared fuse.sshfs']);
    expect(await guests.sh('web', 'ls -A /mnt/again')).toBe('');
  });

  test('says what to install where there is no sshfs, and leaves nothing', async ({
    guests,
    host,
  }) => {
    const before = keepers(guests);
    await guests.sh('web', 'sudo mv /bin/sshfs /bin/away');
    const refused = await guests.multipass(['mount', host.native, 'web:/mnt/none']);
    await guests.sh('web', 'sudo mv /bin/away /bin/sshfs');
    expect(refused.stderr).toContain(
      `mount failed: cannot mount "${host.native}" in 'web': sshfs is not installed\n`,
    );
    expect(refused.stderr).toContain('multipass exec web -- sudo apt-get install -y sshfs');
    expect(refused.exitCode).toBe(2);
    expect(keepers(guests)).toEqual(before);
    expect(readInstance(guests.layout, 'web').spec.mounts).toHaveLength(1);
  });

  test('has links as they are', async ({ guests, host }) => {
    await symlink('../b/c', join(host.classic, 'a/link'));
    await guests.sh('web', 'cd shared/a/b; ln -s ../../mine link; ln -s /etc/hostname absolute');
    expect(await guests.sh('web', 'cd shared/a; readlink link; cat b/../b/link b/absolute')).toBe(
      '../b/c\nmine\nweb',
    );
    expect(await readlink(join(host.classic, 'a/b/link'))).toBe('../../mine');
    expect(await readlink(join(host.classic, 'a/b/absolute'))).toBe('/etc/hostname');
  });

  test('keeps the guest in its folder', async ({ guests, host }) => {
    const { sh } = guests;
    await symlink(host.secret, join(host.classic, 'from host'));
    await symlink('..', join(host.classic, 'up'));
    await sh('web', `ln -s ${JSON.stringify(host.secret)} "shared/from guest"`);
    const ways = ['from host', 'from guest', 'up/secret', '../secret', 'a/../../secret'];
    for (const way of ways) {
      const { exitCode, stdout } = await guests.multipass([
        'exec',
        'web',
        '--',
        'cat',
        `shared/${way}`,
      ]);
      expect({ way, stdout, failed: exitCode !== 0 }).toEqual({ way, stdout: '', failed: true });
    }
    await sh('web', '(echo evil >"shared/from guest"; echo evil >shared/up/evil) 2>/dev/null || :');
    expect(await readFile(host.secret, 'utf8')).toBe('secret of the host');
    expect(await readdir(join(host.classic, '..'))).not.toContain('evil');
  });

  test('leaves alone what may only be read', async ({ guests, host }) => {
    const fixed = join(host.classic, 'fixed');
    await mkdir(fixed);
    await writeFile(join(fixed, 'file'), 'fixed');
    await chmod(fixed, 0o555);
    // Root may write to everything, but not as somebody else.
    const maps = ROOT ? ['-u', '4321:1000', '-g', '4321:1000'] : [];
    await guests.ok(['mount', ...maps, fixed, 'web:/mnt/fixed']);
    const change = 'echo x | sudo tee /mnt/fixed/new || sudo rm -f /mnt/fixed/file';
    expect(await guests.multipass(['exec', 'web', '--', 'sh', '-c', change])).toMatchObject({
      exitCode: 1,
    });
    expect(await guests.sh('web', 'cat /mnt/fixed/file')).toBe('fixed');
    expect(await readdir(fixed)).toEqual(['file']);
    await guests.ok(['umount', 'web:/mnt/fixed']);
  });

  test('is there again when its connection was lost', async ({ guests }) => {
    const before = keepers(guests);
    const ssh = processesIn(guests.layout).find(({ program }) => program === 'ssh');
    kill(ssh!.pid);
    await vi.waitFor(async () => {
      expect(await guests.sh('web', 'cat shared/a/b/c 2>/dev/null || :')).toBe('deep');
    }, CACHED);
    expect(keepers(guests)).toEqual(before);
  });

  test('cannot be taken off while the guest uses it', async ({ guests }) => {
    await guests.sh('web', 'cd shared; sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/tmp/pid');
    const refused = await guests.multipass(['umount', 'web:shared']);
    expect(refused.stderr).toMatch(/cannot unmount "\/home\/ubuntu\/shared" in 'web': .*busy/);
    expect(refused.exitCode).toBe(2);
    expect(await guests.sh('web', 'cat shared/a/b/c; kill $(cat /tmp/pid)')).toBe('deep');
  });

  test('ends with its instance, without a trace', async ({ guests }) => {
    await guests.ok(['stop', 'web']);
    await vi.waitFor(() => expect(processesIn(guests.layout)).toEqual([]), CACHED);
    const run = await readdir(guests.layout.instance('web').run);
    expect(run.filter((name) => /^m[0-9a-f]{30}/.test(name))).toEqual([]);
  });
});

describe('a native mount', () => {
  test('is for a stopped instance, and comes with its start as the others do', async ({
    guests,
    host,
  }) => {
    await writeFile(join(host.native, 'hosts'), 'host\n');
    await guests.ok(['mount', '--type', 'native', host.native, 'web:/mnt/nat']);
    await guests.ok(['start', 'web']);
    expect(await mounted(guests)).toEqual(['/home/ubuntu/shared fuse.sshfs', '/mnt/nat 9p']);
    expect(await guests.multipass(['mount', '-t', 'native', host.native, 'web:/x'])).toMatchObject({
      stderr: expect.stringContaining(
        'mount failed: Please stop the instance web before attempting native mounts.\n',
      ) as string,
      exitCode: 2,
    });
    await guests.sh('web', 'cat /mnt/nat/hosts; echo guest >/mnt/nat/guests');
    expect(await readFile(join(host.native, 'guests'), 'utf8')).toBe('guest\n');
    expect((await stat(join(host.native, 'guests'))).uid).toBe(geteuid!());
    expect(await idsOf(guests, '/mnt/nat/hosts')).toBe('1000:1000');
    expect(await idsOf(guests, '/mnt/nat/guests')).toBe('1000:1000');
    await guests.ok(['mount', host.classic, 'web:/mnt/nat/inner']);
    expect(await readdir(host.native)).toContain('inner');
  });

  test('gives a guest no program that runs as its owner on the host, nor does a classic one', async ({
    guests,
    host,
  }) => {
    for (const [place, folder] of [
      ['/mnt/nat', host.native],
      ['shared', host.classic],
    ] as const) {
      const tool = `${place}/tool`;
      const said = await guests.sh(
        'web',
        `echo tool >${tool}; chmod 755 ${tool}; for mode in 4755 2755 6700; do sudo chmod $mode ${tool} 2>&1; done; ` +
          `rm ${tool}; echo tool >${tool}; sudo chmod 1644 ${tool}`,
      );
      expect(said.match(/not permitted|denied/gi)).toHaveLength(3);
      expect((await stat(join(folder, 'tool'))).mode & 0o7777).toBe(0o1644);
      await rm(join(folder, 'tool'));
    }
  });

  test('is taken off before a suspend, and is there after it, as the others', async ({
    guests,
    host,
  }) => {
    const [boot, mounts] = [await guests.bootId('web'), await mounted(guests)];
    await guests.ok(['suspend', 'web']);
    await vi.waitFor(() => expect(processesIn(guests.layout)).toEqual([]), CACHED);
    await writeFile(join(host.native, 'hosts'), 'meanwhile\n');
    await guests.ok(['start', 'web']);
    expect(await guests.bootId('web')).toBe(boot);
    expect(await mounted(guests)).toEqual(mounts);
    expect(await guests.sh('web', 'cat /mnt/nat/hosts /mnt/nat/inner/a/b/c')).toBe(
      'meanwhile\ndeep',
    );
  });

  test('is taken off while memory is saved, and is there where that is restored', async ({
    guests,
  }) => {
    const [boot, mounts] = [await guests.bootId('web'), await mounted(guests)];
    await guests.ok(['snapshot', 'web', '--live', '--memory', '--name', 'hot']);
    expect(await mounted(guests)).toEqual(mounts);
    await guests.ok(['stop', '--force', 'web']);
    await guests.ok(['restore', '--destructive', 'web.hot']);
    expect(await guests.bootId('web')).toBe(boot);
    expect(await mounted(guests)).toEqual(mounts);
    expect(await guests.sh('web', 'cat /mnt/nat/hosts')).toBe('meanwhile');
  });

  test('that the guest uses keeps it from being suspended', async ({ guests }) => {
    await guests.sh(
      'web',
      'cd /mnt/nat; sleep 1000 </dev/null >/dev/null 2>&1 & echo $! >/tmp/pid',
    );
    const mounts = await mounted(guests);
    const refused = await guests.multipass(['suspend', 'web']);
    expect(refused.stderr).toContain(`cannot unmount "/mnt/nat" in 'web'`);
    expect(refused.exitCode).toBe(2);
    expect(readInstance(guests.layout, 'web').state).toBe('Running');
    expect(await mounted(guests)).toEqual(mounts);
    await guests.sh('web', 'kill $(cat /tmp/pid)');
  });

  test('is there after a restart, as the others', async ({ guests }) => {
    const mounts = await mounted(guests);
    await guests.ok(['restart', 'web']);
    expect(await mounted(guests)).toEqual(mounts);
    expect(await guests.sh('web', 'cat /mnt/nat/hosts /mnt/nat/inner/a/b/c')).toBe(
      'meanwhile\ndeep',
    );
  });

  test('is where it was when the guest had rebooted by itself', async ({ guests }) => {
    const [mounts, boot] = [await mounted(guests), await guests.bootId('web')];
    await guests.sh('web', '(sleep 1; sudo reboot) >/dev/null 2>&1 &');
    await vi.waitFor(
      async () => {
        const now = await guests.multipass(['exec', 'web', '--', 'sh', '-c', BOOTED]);
        expect(now).toMatchObject({ exitCode: 0 });
        expect(now.stdout.trim()).not.toBe(boot);
      },
      { timeout: 150_000, interval: 500 },
    );
    await guests.ok(['start', 'web']);
    expect(await mounted(guests)).toEqual(mounts);
    expect(await guests.sh('web', 'cat /mnt/nat/hosts /mnt/nat/inner/a/b/c')).toBe(
      'meanwhile\ndeep',
    );
  });

  test('is taken off a running instance', async ({ guests }) => {
    const inner = await guests.multipass(['umount', 'web:/mnt/nat']);
    expect(inner.stderr).toContain(`cannot unmount "/mnt/nat" in 'web'`);
    await guests.ok(['umount', 'web:/mnt/nat/inner', 'web:/mnt/nat']);
    expect(await mounted(guests)).toEqual(['/home/ubuntu/shared fuse.sshfs']);
  });
});

describe('an instance whose mounts cannot be', () => {
  test('leaves no keeper when its QEMU is killed', async ({ guests, host }) => {
    kill(qemuOf(guests.layout, 'web').pid);
    await vi.waitFor(() => expect(processesIn(guests.layout)).toEqual([]), CACHED);
    await guests.ok(['mount', '-t', 'native', host.native, 'web:/mnt/nat']);
  });

  test('starts all the same when their folders are gone, and says so', async ({ guests, host }) => {
    for (const folder of [host.classic, host.native]) await rename(folder, `${folder} away`);
    const { stderr, exitCode } = await guests.multipass(['start', 'web']);
    expect(exitCode).toBe(0);
    expect(stderr).toContain(
      `"/mnt/nat" is not mounted in "web": Source path "${host.native}" does not exist`,
    );
    expect(stderr).toContain(`Source path "${host.classic}" does not exist`);
    expect(await mounted(guests)).toEqual(['']);
    for (const folder of [host.classic, host.native]) await rename(`${folder} away`, folder);
  });

  test('has them again when it is started once more', async ({ guests }) => {
    await guests.ok(['start', 'web']);
    expect(await mounted(guests)).toEqual(['/home/ubuntu/shared fuse.sshfs']);
    await guests.ok(['delete', '--purge', 'web']);
    await vi.waitFor(() => expect(processesIn(guests.layout)).toEqual([]), CACHED);
  });
});

describe('the primary instance', () => {
  test('has the home folder of the user', async ({ guests }) => {
    const home = dirname(guests.layout.root);
    await writeFile(join(home, 'note'), 'from home');
    expect(await guests.launch('primary')).toBe(
      `Launched: primary\nMounted '${home}' into 'primary:/home/ubuntu/Home'\n`,
    );
    expect(await guests.sh('primary', 'cat Home/note')).toBe('from home');
    // A command runs where it is called.
    const words = ['exec', 'primary', '--', 'pwd'];
    expect(await guests.ok(words, { cwd: guests.layout.keys })).toBe(
      `/home/ubuntu/Home/${relative(home, guests.layout.keys)}\n`,
    );
    await guests.ok(['delete', '--purge', 'primary']);
  });
});
