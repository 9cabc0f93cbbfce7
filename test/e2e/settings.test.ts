import { mkdir } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { makeInstance, test as base } from '../support/store-fixture.js';
import { multipass, type CommandResult } from '../support/command.js';

const test = base.extend<{ run: (words: string) => Promise<CommandResult> }>({
  run: async ({ root }, use) => {
    await use((words) => multipass(words.split(' '), { store: root }));
  },
});

const SILENT = { stdout: '', stderr: '', exitCode: 0 };

describe('get and set', () => {
  test('make the store at first use, and are silent when all goes well', async ({ run }) => {
    expect(await run('get client.primary-name')).toEqual({ ...SILENT, stdout: 'primary\n' });
    expect(await run('set client.primary-name=web')).toEqual(SILENT);
    expect(await run('get client.primary-name')).toEqual({ ...SILENT, stdout: 'web\n' });
    expect(await run('set local.bridged-network=a=b')).toEqual(SILENT);
    expect(await run('get local.bridged-network')).toEqual({ ...SILENT, stdout: 'a=b\n' });
  });

  test('tell an empty value from none', async ({ run }) => {
    expect(await run('set client.primary-name=')).toEqual(SILENT);
    expect(await run('get client.primary-name')).toEqual({ ...SILENT, stdout: '<empty>\n' });
    expect(await run('get --raw client.primary-name')).toEqual({ ...SILENT, stdout: '\n' });
    expect(await run('get local.passphrase')).toEqual({ ...SILENT, stdout: 'false\n' });
    expect(await run('set local.passphrase=secret')).toEqual(SILENT);
    expect(await run('get local.passphrase')).toEqual({ ...SILENT, stdout: 'true\n' });
  });

  test('say what a launch takes that does not say otherwise', async ({ run, root }) => {
    expect(await run('get local.default.cpus')).toEqual({ ...SILENT, stdout: '1\n' });
    expect(await run('get local.default.memory')).toEqual({ ...SILENT, stdout: '1.0GiB\n' });
    expect(await run('get local.default.disk')).toEqual({ ...SILENT, stdout: '5.0GiB\n' });
    expect(await run('get local.default.image')).toEqual({ ...SILENT, stdout: 'default\n' });
    expect(await run('set local.default.memory=1536M')).toEqual(SILENT);
    expect(await run('get local.default.memory')).toEqual({ ...SILENT, stdout: '1.5GiB\n' });
    expect(await run('set local.default.image=/nope.img')).toEqual(SILENT);
    expect((await run('launch')).stderr).toContain('launch failed: Custom image `/nope.img`');
    const relative = await multipass(['set', 'local.default.cloud-init=ours.yaml'], {
      store: root,
      cwd: '/tmp',
    });
    expect(relative).toEqual(SILENT);
    expect((await run('get local.default.cloud-init')).stdout).toBe('/tmp/ours.yaml\n');
    expect((await run('launch')).stderr).toContain('launch failed: cannot load "/tmp/ours.yaml"');
  });

  test('list the keys there are, those of instances too', async ({ store, run }) => {
    await makeInstance(store.layout, 'web', { spec: { memory: 1024 ** 3 } });
    const { stdout } = await run('get --keys');
    expect(stdout.split('\n')).toEqual(expect.arrayContaining(['local.driver', 'local.web.disk']));
    expect(await run('get --keys local.driver')).toEqual({ ...SILENT, stdout: 'local.driver\n' });
    expect(await run('get local.web.memory')).toEqual({ ...SILENT, stdout: '1.0GiB\n' });
  });

  test.for<[words: string, exitCode: number, stderr: string]>([
    ['get', 1, 'Need exactly one setting key.'],
    ['get a b', 1, 'Need exactly one setting key.'],
    ['get --keys a b', 1, 'Need at most one setting key.'],
    ['get nope', 1, "Unrecognized settings key: 'nope'"],
    ['get --keys nope', 1, "Unrecognized settings key: 'nope'"],
    ['get local.nope', 2, "get failed: Unrecognized settings key: 'local.nope'"],
    ['get local.nope.cpus', 2, 'get failed: instance "nope" does not exist'],
    ['set', 1, 'Need exactly one key-value pair (in <key>=<value> form).'],
    ['set a=1 b=2', 1, 'Need exactly one key-value pair (in <key>=<value> form).'],
    ['set =1', 1, 'Bad key-value format.'],
    ['set nope=1', 1, "Unrecognized settings key: 'nope'"],
    ['set local.nope=1', 2, "set failed: Unrecognized settings key: 'local.nope'"],
    [
      'set client.primary-name=1a',
      1,
      "Invalid setting 'client.primary-name=1a': it is no name that an instance can have",
    ],
    ['set client.primary-name', 1, 'Bad key-value format.'],
    [
      'set local.default.cpus=0',
      2,
      "set failed: Invalid setting 'local.default.cpus=0': Need a positive integer (in decimal format) of minimum 1",
    ],
    [
      'set local.default.memory=64M',
      2,
      "set failed: Invalid setting 'local.default.memory=64M': Memory less than 128M minimum not allowed",
    ],
    [
      'set local.default.disk=big',
      2,
      "set failed: Invalid setting 'local.default.disk=big': big is not a valid memory size - need a non-negative integer (in base 10) or a decimal followed by K, M, or G (e.g. 1234B, 42MiB, 0.5G)",
    ],
    [
      'set local.default.cloud-init=-',
      2,
      "set failed: Invalid setting 'local.default.cloud-init=-': need the path of a file, or a URL",
    ],
    ['set local.driver=lxd', 2, `set failed: Invalid setting 'local.driver=lxd': need "qemu"`],
  ])('refuse: %s', async ([words, exitCode, said], { run }) => {
    const { stderr, ...rest } = await run(words);
    expect(rest).toEqual({ stdout: '', exitCode });
    expect(stderr.split('\n')[0]).toBe(said);
  });

  test('decide which instance is the primary one', async ({ store, run }) => {
    for (const name of ['a', 'web']) await makeInstance(store.layout, name);
    expect((await run('list')).stdout).toMatch(/\na .*\nweb /);
    await run('set client.primary-name=web');
    expect((await run('list')).stdout).toMatch(/\nweb .*\na /);
  });

  test('name the file that cannot be read, and other commands too', async ({ store, run }) => {
    await mkdir(store.layout.settingsFile);
    for (const command of ['get local.driver', 'set local.driver=qemu', 'list']) {
      const { stderr, exitCode } = await run(command);
      expect(stderr).toContain(`"${store.layout.settingsFile}": not a regular file`);
      expect(exitCode).toBe(2);
    }
    expect((await run('version')).exitCode).toBe(0);
  });
});
