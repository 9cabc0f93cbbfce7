import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, readFile, rename, stat, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { StoreLayout } from '../../../src/store/layout.js';
import { initialiseStore } from '../../../src/store/format.js';
import { include, isIncluded, refreshSshConfig } from '../../../src/vm/guest/ssh-config-file.js';
import { includeLine, sshConfigOf } from '../../../src/vm/guest/ssh-config.js';
import { readInstance } from '../../../src/vm/read-instance.js';
import { multipassInProcess } from '../../support/in-process.js';
import { makeInstance, test } from '../../support/store-fixture.js';

const PROGRAM = ['env', 'MULTIPASS_STORAGE=/a b', "/opt/it's 100%/multipass"];

/** What the real ssh takes from a piece of configuration for a host. */
function asSshReads(config: string, host: string): Record<string, string> {
  const text = execFileSync('ssh', ['-G', '-F', config, host], { encoding: 'utf8' });
  return Object.fromEntries(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.split(' ', 1)[0]!, line.slice(line.indexOf(' ') + 1)]),
  );
}

describe('the configuration of ssh', () => {
  test('is what the real ssh takes it for, whatever the paths are', async ({ root }) => {
    const layout = new StoreLayout(join(root, '..', 'a store, 100%h "$HOME" \\'));
    await initialiseStore(layout);
    await makeInstance(layout, 'web', { data: 0, spec: { sshUser: 'ada', sshKey: 'id_rsa' } });
    const file = join(root, '..', 'config');
    await writeFile(file, sshConfigOf(layout, [readInstance(layout, 'web')], { program: PROGRAM }));
    const read = asSshReads(file, 'web.multipass');
    // ssh shows one of the two with its tokens, and one without.
    expect(read).toMatchObject({
      user: 'ada',
      identitiesonly: 'yes',
      hostkeyalias: 'instance',
      userknownhostsfile: layout.instance('web').knownHosts,
      identityfile: layout.key('id_rsa').replaceAll('%', '%%'),
    });
    // ssh undoes the doubling, and then it is for a shell.
    const command = read['proxycommand']!.replaceAll('%%', '%');
    const words = spawnSync('/bin/sh', ['-c', `printf '%s\n' ${command}`], { encoding: 'utf8' });
    expect(words.stdout).toBe([...PROGRAM, '__connect', 'web', '22', ''].join('\n'));
    expect(asSshReads(file, 'web')['proxycommand']).toBeUndefined();
  });

  test('is included by one line at the beginning, once, and through a link', async ({ store }) => {
    const { layout } = store;
    const home = join(layout.root, '..', 'home');
    await mkdir(home);
    expect(await isIncluded(layout, home)).toBe(false);
    await include(layout, home);
    const path = join(home, '.ssh', 'config');
    expect(await readFile(path, 'utf8')).toBe(`${includeLine(layout)}\n`);
    expect([(await stat(path)).mode & 0o777, await isIncluded(layout, home)]).toEqual([
      0o600,
      true,
    ]);

    const own = 'Host web.multipass\n    User somebody\n';
    const elsewhere = join(home, 'dotfiles');
    await writeFile(elsewhere, own);
    await rename(path, `${path}.old`);
    await symlink(elsewhere, path);
    await include(layout, home);
    expect(await readFile(elsewhere, 'utf8')).toBe(`${includeLine(layout)}\n\n${own}`);
  });

  test('is kept up to date by commands, as it was asked for', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
    const hosts = async (): Promise<string[]> =>
      [...(await readFile(layout.sshConfig, 'utf8')).matchAll(/^Host (.*)$/gm)].map(
        ([, host]) => host!,
      );
    const program = ['multipass'];
    await refreshSshConfig(layout, { program });
    await expect(hosts()).rejects.toThrow('ENOENT');
    const readings = [readInstance(layout, 'web')];
    await writeFile(layout.sshConfig, sshConfigOf(layout, readings, { program, start: true }));
    expect((await multipassInProcess(['clone', 'web', '--name', 'copy'], layout)).exitCode).toBe(0);
    expect(await hosts()).toEqual(['copy.multipass', 'web.multipass']);
    expect(await readFile(layout.sshConfig, 'utf8')).toMatch(/ __connect --start copy 22\n/);
    await multipassInProcess(['delete', 'web'], layout);
    expect(await hosts()).toEqual(['copy.multipass']);
  });

  test('is printed for all, or those that are named; without a terminal nobody is asked', async ({
    store,
  }) => {
    const { layout } = store;
    for (const name of ['a', 'b']) await makeInstance(layout, name, { data: 0 });
    const all = await multipassInProcess(['ssh-config'], layout);
    expect(all.stdout.match(/^Host .*$/gm)).toEqual(['Host a.multipass', 'Host b.multipass']);
    const one = await multipassInProcess(['ssh-config', 'b', '--format', 'json'], layout);
    expect(JSON.parse(one.stdout)).toMatchObject({ hosts: ['b.multipass'] });
    const refused = await multipassInProcess(['ssh-config', '--install'], layout);
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toContain(`Add this line to `);
    expect(refused.stderr).toContain(includeLine(layout));
    const nobody = await multipassInProcess(['ssh-config', 'nobody'], layout);
    expect([nobody.stdout, nobody.exitCode]).toEqual(['', 2]);
    const stopped = await multipassInProcess(['__connect', 'a', '22'], layout);
    expect(stopped.stderr).toContain("Instance 'a' is not running");
  });
});
