import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, vi } from 'vitest';
import type { CloneReport, InstallSshConfigOptions } from '../../src/index.js';
import { fingerprint } from '../support/fingerprint.js';
import { errorOf } from '../support/refusal.js';
import { makeInstance, test } from '../support/store-fixture.js';

const run = promisify(execFile);

describe('a handle by the name alone', () => {
  test('looks at nothing until it is asked', async ({ store }) => {
    for (const name of ['nobody', '../x', '']) {
      const vm = await store.instance(name);
      expect(vm.name).toBe(name);
      await errorOf(vm.purge(), 'INSTANCE_NOT_FOUND');
      await errorOf(vm.start(), 'INSTANCE_NOT_FOUND');
      await errorOf(vm.logs().next(), 'INSTANCE_NOT_FOUND');
      await errorOf(vm.console(), 'INSTANCE_NOT_FOUND');
      expect(vm.toJSON()).toEqual({ name });
    }
  });

  test('reads the log of a Broken one, and purges it', async ({ store }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 0 });
    await mkdir(dir.run, { mode: 0o700 });
    await writeFile(dir.consoleLog, 'here\n');
    await rm(dir.spec);
    await errorOf(store.get('web'), 'INSTANCE_BROKEN');
    const vm = await store.instance('web');
    const text: string[] = [];
    for await (const piece of vm.logs()) text.push(piece);
    expect(text).toEqual(['here\n']);
    await vm.purge();
    expect(await store.list()).toEqual([]);
  });
});

describe('a clone', () => {
  test('tells its report, of one, of several and of a plan', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const vm = await store.get('web');
    const reports: CloneReport[] = [];
    const onReport = (report: CloneReport): void => void reports.push(report);
    await vm.clone('copy', { onReport });
    await vm.cloneMany(2, 'many-{n}', { onReport });
    const before = await fingerprint(store.root);
    reports.push(await vm.cloneMany(2, 'more-{n}', { dryRun: true }));
    expect(await fingerprint(store.root)).toEqual(before);
    expect(reports.map(({ clones }) => clones.map(({ name }) => name))).toEqual([
      ['copy'],
      ['many-1', 'many-2'],
      ['more-1', 'more-2'],
    ]);
  });
});

describe('a store', () => {
  test('has aliases, which no name leads out of it', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await store.defineAlias({ name: 'll', instance: 'web', command: 'ls' });
    const listed = { name: 'll', instance: 'web', command: 'ls', workingDirectory: 'map' };
    expect(await store.aliases()).toEqual({
      active: 'default',
      contexts: [{ name: 'default', aliases: [listed] }],
    });
    for (const name of ['../ll', '-l', '']) {
      const alias = { name, instance: 'web', command: 'ls' };
      await errorOf(store.defineAlias(alias), 'INVALID_ARGUMENT');
      await errorOf(store.preferAliases(name), 'INVALID_ARGUMENT');
    }
    await store.preferAliases('work');
    expect(await store.removeAliases(['default.ll'])).toEqual(['default.ll']);
    expect(await store.removeAliases()).toEqual([]);
  });

  test('takes images in, and lets them go', async ({ store, root }) => {
    const file = join(dirname(root), 'disk.qcow2');
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', file, '16M']);
    const first = await store.importImage(file);
    expect(first).toMatchObject({ isNew: true });
    expect(await store.importImage(file)).toEqual({ id: first.id, isNew: false });
    expect((await store.images()).map(({ id }) => id)).toEqual([first.id]);
    expect(await store.removeImage(first.id)).toBe(first.id);
    await store.importImage(file);
    expect(await store.purgeImages()).toEqual([first.id]);
    await errorOf(store.removeImage(first.id), 'IMAGE_NOT_FOUND');
  });

  test('tells of snapshots, and of what has no record', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0, otherTags: ['theirs'] });
    const vm = await store.get('web');
    await vm.snapshot({ name: 'one' });
    const strays = [{ instance: 'web', tag: 'theirs' }];
    expect(vm.strayTags()).toEqual(strays);
    const all = await store.snapshots();
    expect(all).toMatchObject({ problems: [], strays });
    expect(all.snapshots.map(({ record }) => record.name)).toEqual(['one']);
  });

  test('has ssh know its instances, when it is let', async ({ store, root }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await makeInstance(store.layout, 'db', { data: 0 });
    expect(await store.sshConfig({ names: ['db'] })).toMatch(/^Host db\.multipass\n/);
    await errorOf(store.sshConfig({ names: ['nobody'] }), 'INSTANCE_NOT_FOUND');
    const home = dirname(root);
    vi.stubEnv('HOME', home);
    expect(homedir()).toBe(home);
    const asked: string[] = [];
    const confirm: InstallSshConfigOptions['confirm'] = ({ file, line }) => {
      asked.push(file, line);
      return Promise.resolve(asked.length > 2);
    };
    expect(await store.installSshConfig({ confirm })).toBeUndefined();
    expect(existsSync(join(home, '.ssh'))).toBe(false);
    const path = await store.installSshConfig({ confirm });
    expect(await readFile(path!, 'utf8')).toContain('Host web.multipass');
    expect(await readFile(join(home, '.ssh/config'), 'utf8')).toContain(asked[1]);
  });

  test('knows the unit that starts instances with the host', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await store.setSetting('local.web.autostart', true);
    expect((await store.autostarted()).map(({ name }) => name)).toEqual(['web']);
    const unit = await store.autostartUnit();
    expect(unit.path).toMatch(/multipass-ts\.service$/);
    expect(unit.isInstalled).toBe(existsSync(unit.path));
    expect(await store.suspendAll()).toEqual([]);
  });
});
