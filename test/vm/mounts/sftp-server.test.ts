import { execFile } from 'node:child_process';
import {
  chmod,
  chown,
  mkdir,
  mkdtemp,
  readFile,
  rm,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getegid, geteuid } from 'node:process';
import { describe, expect, test as base } from 'vitest';
import { shellWord } from '../../../src/vm/guest/ssh.js';
import { confinedSftpServer, serverFiles } from '../../../src/vm/mounts/sftp-server.js';

const ROOT = geteuid!() === 0;
const SELF = { uid: geteuid!(), gid: getegid!() };

interface Place {
  /** The folder that is shared. */
  readonly folder: string;
  /** Beside it; nobody's business. */
  readonly secret: string;
  /** Where the client is. */
  readonly client: string;
  /** Runs lines of sftp(1) against the server. @returns what it said */
  readonly sftp: (lines: readonly string[], ids?: { uid: number; gid: number }) => Promise<string>;
}

const test = base.extend<{ place: Place }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  place: async ({}, use) => {
    const home = await mkdtemp(join(tmpdir(), 'multipass-ts sftp, "q" '));
    await chmod(home, 0o755);
    const [folder, client] = [join(home, 'shared, here'), join(home, 'client')];
    await mkdir(folder);
    await mkdir(client);
    await writeFile(join(home, 'secret'), 'secret');
    await writeFile(join(folder, 'open'), 'open');
    const sftp: Place['sftp'] = async (lines, ids = SELF) => {
      const files = { passwd: join(home, 'passwd'), filter: join(home, 'filter') };
      const { passwd, filter } = serverFiles(ids);
      await writeFile(files.passwd, passwd);
      await writeFile(files.filter, filter);
      const server = join(home, 'server.sh');
      const words = await confinedSftpServer(folder, ids, files);
      await writeFile(server, `exec ${words.map(shellWord).join(' ')}\n`);
      return await new Promise((resolve) => {
        const args = ['-q', '-b', '-', '-D', `/bin/sh ${shellWord(server)}`];
        const child = execFile('sftp', args, { cwd: client }, (_, stdout, stderr) => {
          resolve(`${stdout}${stderr}`);
        });
        // A line with a minus goes on after a failure.
        child.stdin?.end(lines.map((line) => `-${line}\n`).join(''));
      });
    };
    await use({ folder, secret: join(home, 'secret'), client, sftp });
    await rm(home, { recursive: true });
  },
});

async function fetched({ client }: Place, name: string): Promise<string | null> {
  return await readFile(join(client, name), 'utf8').catch(() => null);
}

describe('the confined SFTP server', () => {
  test('gives and takes files of the folder', async ({ place }) => {
    await writeFile(join(place.client, 'mine'), 'mine');
    await place.sftp(['get /shared/open got', 'put mine "/shared/-a b"', 'mkdir /shared/sub']);
    expect(await fetched(place, 'got')).toBe('open');
    expect(await readFile(join(place.folder, '-a b'), 'utf8')).toBe('mine');
    expect((await stat(join(place.folder, 'sub'))).uid).toBe(SELF.uid);
  });

  test('has nothing else of the host, by whatever way', async ({ place }) => {
    const { folder, secret } = place;
    await symlink(secret, join(folder, 'absolute'));
    await symlink('../secret', join(folder, 'relative'));
    await symlink('..', join(folder, 'up'));
    await symlink('/', join(folder, 'root'));
    const ways = [
      ...[secret, '/shared/../secret', '../secret', '/shared/absolute', '/shared/relative'],
      ...[
        '/shared/up/secret',
        `/shared/root${secret}`,
        '/proc/1/root/etc/hostname',
        '/etc/hostname',
      ],
      ...['/etc/shadow', '/proc/self/environ', '/sys/kernel/vmcoreinfo', '/dev/mem'],
    ];
    const said = await place.sftp(
      ways.map((way, index) => `get ${JSON.stringify(way)} got${index}`),
    );
    for (const [index, way] of ways.entries()) {
      expect(await fetched(place, `got${index}`), way).toBe(null);
      expect(said).toContain('not found');
    }
  });

  test('makes no link through which more could be reached', async ({ place }) => {
    const { secret } = place;
    const way = JSON.stringify(secret);
    await writeFile(join(place.client, 'evil'), 'evil');
    await place.sftp([
      ...[`ln -s ${way} /shared/link`, 'get /shared/link got', 'put evil /shared/link'],
      ...[`ln ${way} /shared/hard`, 'get /shared/hard got2'],
      ...[
        'ln -s / /shared/all',
        'put evil /shared/all/etc/evil',
        'put evil /evil',
        'rm /etc/passwd',
      ],
    ]);
    expect(await fetched(place, 'got')).toBe(null);
    expect(await fetched(place, 'got2')).toBe(null);
    expect(await readFile(secret, 'utf8')).toBe('secret');
    expect(await stat('/etc/evil').catch(() => null)).toBe(null);
    expect(await stat('/etc/passwd')).toBeTruthy();
  });

  test.for(['4755', '2755', '6711', '4000'])(
    'makes no file that would run as its owner or group: %s',
    async (mode, { place }) => {
      const file = join(place.folder, 'open');
      await chmod(file, 0o640);
      await writeFile(join(place.client, 'mine'), 'mine');
      await chmod(join(place.client, 'mine'), Number.parseInt(mode, 8) | 0o400);
      const said = await place.sftp([`chmod ${mode} /shared/open`, 'put -p mine /shared/new']);
      expect(said).toMatch(/permission denied/i);
      expect((await stat(file)).mode & 0o7777).toBe(0o640);
      const made = await stat(join(place.folder, 'new')).catch(() => ({ mode: 0 }));
      expect(made.mode & 0o6000).toBe(0);
      await place.sftp(['chmod 1751 /shared/open']);
      expect((await stat(file)).mode & 0o7777).toBe(0o1751);
    },
  );

  test('takes the rights of its owner from a program that it changes', async ({ place }) => {
    const file = join(place.folder, 'open');
    await chmod(file, 0o6755);
    await writeFile(join(place.client, 'mine'), 'of the guest');
    // Written to in place, as sshfs does.
    await place.sftp(['reput mine /shared/open']);
    expect(await readFile(file, 'utf8')).toBe('openhe guest');
    expect((await stat(file)).mode & 0o7777).toBe(0o755);
  });

  test('changes nothing that its user may not change', async ({ place }) => {
    const ids = ROOT ? { uid: 4321, gid: 4321 } : SELF;
    await writeFile(join(place.client, 'mine'), 'mine');
    await chmod(place.folder, 0o555);
    const said = await place.sftp(
      ['get /shared/open got', 'put mine /shared/open', 'rm /shared/open'],
      ids,
    );
    await chmod(place.folder, 0o755);
    expect(await fetched(place, 'got')).toBe('open');
    expect(said).toMatch(/permission denied/i);
    // Its owner may write to it all the same.
    expect(await readFile(join(place.folder, 'open'), 'utf8')).toBe(ROOT ? 'open' : 'mine');
  });

  test.runIf(ROOT)('works as another user when root is to', async ({ place }) => {
    await chown(place.folder, 4321, 1234);
    await writeFile(join(place.client, 'mine'), 'mine');
    await place.sftp(['put mine /shared/new'], { uid: 4321, gid: 1234 });
    expect(await stat(join(place.folder, 'new'))).toMatchObject({ uid: 4321, gid: 1234 });
  });

  test.runIf(ROOT)("gives root's files away when the guest says so", async ({ place }) => {
    await place.sftp(['chown 4321 /shared/open', 'chmod 600 /shared/open', 'get /shared/open got']);
    expect(await stat(join(place.folder, 'open'))).toMatchObject({ uid: 4321, mode: 0o100600 });
    expect(await fetched(place, 'got')).toBe('open');
  });
});
