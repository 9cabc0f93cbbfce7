import { link } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { multipass, type CommandResult } from '../support/command.js';
import { test as base } from '../support/image-fixture.js';
import { makeInstance } from '../support/store-fixture.js';

/** Runs the built command, with the image server of the test as the mirror. */
const test = base.extend<{ run: (...words: readonly string[]) => Promise<CommandResult> }>({
  run: async ({ root, server }, use) => {
    const env = { MULTIPASS_IMAGE_MIRROR: server.url };
    await use((...words) => multipass(words, { store: root, env }));
  },
});

const SILENT = { stdout: '', stderr: '', exitCode: 0 };

interface Listed {
  readonly id: string;
  readonly name: string;
  readonly used_by: readonly string[];
  readonly [key: string]: unknown;
}

describe('image', () => {
  test('imports images, lists them, and removes those that nobody uses', async ({
    layout,
    run,
    raw,
  }) => {
    expect(await run('image', 'list')).toEqual({ ...SILENT, stdout: 'No images found.\n' });
    expect((await run('image', 'import', '24.04')).stdout).toMatch(/^Imported: [0-9a-f]{12}\n$/);
    expect((await run('image', 'import', '24.04')).stdout).toMatch(/^Already there: /);
    expect((await run('image', 'import', raw)).stdout).toMatch(/^Imported: /);
    const { images } = JSON.parse((await run('image', 'list', '--format', 'json')).stdout) as {
      images: Listed[];
    };
    const file = images.find(({ remote }) => remote === '');
    const noble = images.find(({ remote }) => remote === 'release');
    expect(noble).toMatchObject({ name: '24.04', os: 'Ubuntu', virtual_bytes: 8 * 1024 ** 2 });
    const web = await makeInstance(layout, 'web', { data: 0, spec: { deleted: true } });
    await link(layout.image(noble!.id).disk, web.base(noble!.id));
    const { stdout } = await run('image', 'list');
    expect(stdout).toMatch(/^Image +ID +Description +Version +Size +Disk +Used by\n/);
    expect(stdout).toMatch(/^24\.04 +[0-9a-f]{12} +Ubuntu \S.* +8\.0MiB +\d.*iB +web$/m);
    expect(await run('image', 'remove', '24.04', 'nope', file!.id.slice(0, 12))).toEqual({
      stdout: '',
      stderr: expect.stringMatching(
        /^image failed: The following errors occurred:\nthe image "24\.04" is used by web\nthere is no image "nope"/,
      ) as string,
      exitCode: 2,
    });
    expect((await run('image', 'list')).stdout).not.toContain(file!.id.slice(0, 12));
    await run('purge');
    expect(await run('image', 'remove', 'release:24.04')).toEqual(SILENT);
    expect(await run('image', 'list')).toEqual({ ...SILENT, stdout: 'No images found.\n' });
  });

  test.for<[words: string, said: string]>([
    ['image', 'Please say what to do: list, import, remove.\n'],
    ['image lsit', 'Please say what to do: list, import, remove.\n  hint: Did you mean "list"?\n'],
    ['image list a', 'Too many arguments given\n'],
    ['image import', 'Please name one image.\n'],
    ['image import a b', 'Please name one image.\n'],
    ['image remove', 'Please name an image.\n'],
  ])('refuses: %s', async ([words, stderr], { run }) => {
    expect(await run(...words.split(' '))).toEqual({ stdout: '', stderr, exitCode: 1 });
  });
});
