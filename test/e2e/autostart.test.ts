import { mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect } from 'vitest';
import { multipass, type CommandResult } from '../support/command.js';
import { makeInstance, test as base } from '../support/store-fixture.js';
import { AS_NOBODY, giveToNobody } from './support/nobody.js';

/** The command as a user without any rights, for root's unit is one of the system; store and home are theirs. */
const test = base.extend<{ mp: (...args: string[]) => Promise<CommandResult>; home: string }>({
  home: async ({ root }, use) => {
    const home = join(dirname(root), 'home');
    await mkdir(home);
    await mkdir(root, { recursive: true });
    await use(home);
  },
  mp: async ({ root, home }, use) => {
    await use(async (...args) => {
      for (const folder of [root, home]) await giveToNobody(folder);
      const env = { HOME: home };
      return await multipass(args, { store: root, through: AS_NOBODY, cwd: '/', env });
    });
  },
});

describe('autostart', () => {
  test('lists what starts with the host, the primary one first', async ({ store, mp }) => {
    for (const name of ['db', 'web', 'primary']) await makeInstance(store.layout, name);
    expect((await mp('autostart')).stdout).toBe('No instances start with the host.\n');
    for (const name of ['web', 'primary']) await mp('set', `local.${name}.autostart=true`);
    expect(await mp('autostart')).toEqual({
      stdout: 'Name      State\nprimary   Stopped\nweb       Stopped\n',
      stderr: 'note: no unit starts them: `multipass autostart install` makes it\n',
      exitCode: 0,
    });
    const { stdout } = await mp('autostart', '--format', 'json');
    expect(JSON.parse(stdout)).toEqual({
      unit: null,
      instances: [
        { name: 'primary', state: 'Stopped' },
        { name: 'web', state: 'Stopped' },
      ],
    });
  });

  test('has a unit that runs this command on this store', async ({ mp, home, root }) => {
    const unit = join(home, '.config/systemd/user/multipass-ts.service');
    const installed = await mp('autostart', 'install');
    expect(installed).toMatchObject({ stdout: `Installed: ${unit}\n`, exitCode: 0 });
    // There is no systemd of this user.
    expect(installed.stderr).toContain('systemd could not be asked: ');
    expect(installed.stderr).toContain('loginctl enable-linger');
    const text = await readFile(unit, 'utf8');
    expect(text).toContain(`Environment="MULTIPASS_STORAGE=${root}"\n`);
    expect(text).toMatch(/^ExecStop="\/[^"]+"(?: "\/[^"]+\/bin\.js")? autostart stop$/m);
    expect((await mp('autostart', 'stop')).exitCode, 'nothing runs').toBe(0);
    expect((await mp('autostart', 'remove')).stdout).toBe(`Removed: ${unit}\n`);
    expect(await mp('autostart', 'remove')).toEqual({
      stdout: 'There is no unit.\n',
      stderr: '',
      exitCode: 0,
    });
  });
});
