import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { BUILD } from '../support/bin.js';
import { multipass, type CommandOptions, type CommandResult } from '../support/command.js';
import { makeInstance, test } from '../support/store-fixture.js';

/** Runs the command in a folder that was removed meanwhile. */
const IN_GONE_FOLDER = [
  'sh',
  '-c',
  'folder=$(mktemp -d) && cd "$folder" && rmdir "$folder" && exec "$@"',
  'sh',
];

async function there(words: string, options: CommandOptions): Promise<CommandResult> {
  return await multipass(words.split(' '), { through: IN_GONE_FOLDER, ...options });
}

const REMOVED = 'the current working directory was removed';

describe.runIf(BUILD === 'node')('in a working directory that was removed', () => {
  test('every command works as anywhere', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    for (const words of [
      'list',
      'list --snapshots',
      'info web --format json',
      'tree',
      'get local.web.cpus',
      'set local.web.cpus=2',
      'clone web --dry-run',
      'clone web --count 2',
      'clone web --linked -n linked',
      'flatten linked',
      'snapshot web -n first',
      'info web.first',
      'clone web.first -n earlier',
      'restore --destructive web.first',
      'set local.web.first.comment=hello',
      'delete --purge web.first',
      'stop web',
      'mount /usr web',
      'umount web',
      'rename web shop',
      'delete shop',
      'recover shop',
      'delete --purge shop',
      'purge --images',
      'version',
      'completion bash',
      'help clone',
    ]) {
      const { stderr, exitCode } = await there(words, { store: store.root });
      expect({ words, stderr, exitCode }).toEqual({ words, stderr: '', exitCode: 0 });
    }
  });

  test('what is refused is refused for its own reason', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await makeInstance(store.layout, 'gone', { data: 0, spec: { deleted: true } });
    for (const [words, problem] of [
      ['info none', 'instance "none" does not exist'],
      ['delete none', 'instance "none" does not exist'],
      ['exec gone -- ls', "Instance 'gone' is deleted"],
      ['shell gone', 'gone'],
      ['suspend gone', '"gone" is deleted'],
      ['clone gone', 'instance "gone" is deleted'],
      ['migrate --from /usr/none', 'there is no folder "/usr/none"'],
      ['launch /usr/none.img', 'Custom image `/usr/none.img` does not exist'],
      ['mount /usr/none web', '"/usr/none"'],
    ] as const) {
      const { stderr } = await there(words, { store: store.root });
      expect({ words, stderr }).toEqual({
        words,
        stderr: expect.stringContaining(problem) as string,
      });
      expect(stderr).not.toContain(REMOVED);
    }
    expect((await there('recover gone', { store: store.root })).exitCode).toBe(0);
  });

  test('a relative path is said to lead nowhere', async ({ store, root }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const image = join(root, '../image.img');
    await writeFile(image, '');
    for (const [words, path] of [
      ['launch ./jammy.img', './jammy.img'],
      [`launch ${image} --cloud-init init.yaml`, 'init.yaml'],
      [`launch ${image} --mount shared`, 'shared'],
      ['mount . web', '.'],
      ['mount ../shared web:/shared', '../shared'],
      ['migrate --from old', 'old'],
    ] as const) {
      const { stderr, exitCode } = await there(words, { store: store.root });
      expect(stderr).toContain(`cannot find "${path}": ${REMOVED}`);
      expect(exitCode).not.toBe(0);
    }
  });

  test('a relative path of the store is said to lead nowhere', async ({ store }) => {
    for (const words of ['list', 'delete web', 'version']) {
      const { stdout, stderr, exitCode } = await there(words, {
        store: store.root,
        env: { MULTIPASS_STORAGE: 'store' },
      });
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      expect(stderr).toContain(`cannot find "store": ${REMOVED}`);
    }
  });
});

// Bun looks for its working directory before any line of ours.
describe.runIf(BUILD === 'binary')('in a working directory that was removed, the binary', () => {
  test('refuses everything, and says why', async ({ store }) => {
    expect(await there('list', { store: store.root })).toEqual({
      stdout: '',
      stderr: expect.stringMatching(/^error: The current working directory was deleted/) as string,
      exitCode: 1,
    });
  });
});
