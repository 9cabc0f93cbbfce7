import { chmod, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect } from 'vitest';
import { multipass, type CommandResult } from '../support/command.js';
import { makeInstance, test as base } from '../support/store-fixture.js';
import { AS_NOBODY, giveToNobody } from './support/nobody.js';

/** The command as a user without any rights, for root's unit is one of the system. */
const test = base.extend<{ mp: (...args: string[]) => Promise<CommandResult>; unit: string }>({
  mp: async ({ root }, use) => {
    await use((...args) => multipass(args, { store: root, through: AS_NOBODY, cwd: '/' }));
  },
  unit: async ({ root }, use) => {
    await use(join(dirname(root), '.config/systemd/user/multipass-ts.service'));
  },
});

describe('autostart', () => {
  beforeEach<{ root: string }>(async ({ root }) => {
    await mkdir(root, { recursive: true });
    await chmod(dirname(root), 0o755);
  });

  test('lists what starts with the host, the primary one first', async ({ store, mp, root }) => {
    for (const name of ['db', 'web', 'primary']) await makeInstance(store.layout, name);
    await giveToNobody(dirname(root));
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

  test('has a unit that runs this command on this store', async ({ mp, unit, root }) => {
    await giveToNobody(dirname(root));
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
