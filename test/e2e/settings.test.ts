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
