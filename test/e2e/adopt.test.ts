import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { multipass } from '../support/command.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance, test } from '../support/store-fixture.js';

describe('a folder that was copied by hand', () => {
  test('is shown with what to do, is not started, and is adopted', async ({ store }) => {
    const { layout, root } = store;
    const { path } = await makeInstance(layout, 'web');
    await run('cp', ['-a', path, layout.instance('web-copy').path]);
    const said = 'is a copy of the folder of "web", with its uuid and its MAC addresses';
    const list = await multipass(['list'], { store: root });
    expect(list.stdout).toMatch(/^web +Stopped .*\nweb-copy +Broken /m);
    expect(list.stderr).toContain(
      `"web-copy" ${said}\n  hint: Make it an instance of its own with`,
    );
    const info = await multipass(['info', 'web-copy', '--format', 'json'], { store: root });
    expect(`${info.stdout}${info.stderr}`).toContain('multipass adopt web-copy');
    expect(await multipass(['start', 'web-copy'], { store: root })).toMatchObject({
      stderr: expect.stringContaining(said) as string,
      exitCode: 2,
    });
    const adopted = await multipass(['adopt', 'web-copy'], { store: root });
    expect(adopted).toMatchObject({
      stdout: 'Adopted web-copy, which was a copy of web.\n',
      exitCode: 0,
    });
    expect(adopted.stderr).toContain('machine-id');
    expect((await multipass(['list'], { store: root })).stderr).toBe('');
    expect(await multipass(['adopt', 'web-copy'], { store: root })).toMatchObject({
      stderr: expect.stringContaining('"web-copy" is no copy of another instance') as string,
      exitCode: 2,
    });
    expect(await expectSoundStore(layout)).toEqual(['web', 'web-copy']);
  });
});

describe('a folder that was copied to outside of the store', () => {
  test('is adopted by its path, as is a lone disk, and the copy stays', async ({ store }) => {
    const { layout, root } = store;
    const { path, disk } = await makeInstance(layout, 'web');
    const backup = join(root, '..', 'backup');
    await run('cp', ['-a', path, backup]);
    const adopted = await multipass(['adopt', './backup', '--name', 'web-2'], {
      store: root,
      cwd: join(root, '..'),
    });
    expect(adopted).toMatchObject({
      stdout: 'Adopted web-2 from ./backup, which stays as it is.\n',
      exitCode: 0,
    });
    const kept = await multipass(['adopt', backup, '--keep-identity', '--format', 'json'], {
      store: root,
    });
    expect(kept.exitCode).toBe(2);
    expect(kept.stdout).toContain('"IDENTITY_TAKEN"');
    await run('cp', [disk, join(root, '..', 'lone.qcow2')]);
    const lone = await multipass(['adopt', join(root, '..', 'lone.qcow2'), '--format', 'json'], {
      store: root,
    });
    expect(JSON.parse(lone.stdout)).toMatchObject({ adopted: 'lone', kind: 'disk', copy_of: null });
    expect(await multipass(['adopt', 'web', '--name', 'x'], { store: root })).toMatchObject({
      stderr: expect.stringContaining('Options are for a folder outside') as string,
      exitCode: 1,
    });
    expect(await expectSoundStore(layout)).toEqual(['lone', 'web', 'web-2']);
  });
});
