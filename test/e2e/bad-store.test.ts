import { spawnSync } from 'node:child_process';
import { chmod, link, mkdir, readFile, rm, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { initialiseStore } from '../../src/store/format.js';
import { StoreLayout } from '../../src/store/layout.js';
import { hashTree } from '../support/hash-tree.js';
import { canLoopMount, withLoopMount } from '../support/loop-mount.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { multipass, type CommandOptions } from '../support/command.js';
import { AS_NOBODY, giveToNobody } from './support/nobody.js';
import { expectSoundStore, leftovers } from '../support/sound-store.js';

const READERS = ['list', 'list --snapshots', 'info', 'info web'];
const CHANGERS = ['clone web', 'clone web -n x', 'delete web', 'delete -p web', 'recover web'];

/** Runs a command that must fail: what it says, without the command's name and the hints. */
async function refusal(words: string, options: CommandOptions): Promise<string> {
  const { stdout, stderr, exitCode } = await multipass(words.split(' '), options);
  expect({ words, stdout, exitCode }).toEqual({ words, stdout: '', exitCode: 2 });
  const [first = '', ...rest] = stderr.trimEnd().split('\n');
  expect(first).toContain(`${words.split(' ')[0] ?? ''} failed: `);
  const lines = [first.replace(/^\w+ failed: /, ''), ...rest];
  return lines.filter((line) => !/^( {2}hint: |The following errors)/.test(line)).join('\n');
}

describe('a store that is no store', () => {
  test('is named, when a file is there', async ({ root }) => {
    await writeFile(root, 'mine');
    for (const words of [...READERS, ...CHANGERS, 'purge']) {
      expect(await refusal(words, { store: root })).toBe(`the store "${root}" is not a folder`);
    }
    const inside = join(root, 'store');
    expect(await refusal('list', { store: inside })).toBe(`the store "${inside}" is not a folder`);
    expect(await readFile(root, 'utf8')).toBe('mine');
  });

  test('is named, when this user may not read it', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await giveToNobody(store.root);
    const nobody = { store: store.root, through: AS_NOBODY };
    for (const folder of [store.root, store.layout.instances]) {
      await chmod(folder, 0);
      for (const words of ['list', 'list --snapshots', 'info', ...CHANGERS]) {
        const message = await refusal(words, nobody);
        expect(message).toMatch(/^not permitted to (read|list|lock|set up)\b.* \("/);
        expect(message).toContain(`("${folder}`);
      }
      await chmod(folder, 0o700);
    }
    expect(await expectSoundStore(store.layout)).toEqual(['web']);
  });

  test('is left alone, when a newer version wrote it', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await writeFile(store.layout.formatFile, '{"format": 2}');
    const before = await hashTree(store.root);
    const newer = `the store "${store.root}" has format 2; this version knows format 1`;
    for (const words of [...READERS, ...CHANGERS, 'purge']) {
      expect(await refusal(words, { store: store.root })).toBe(newer);
    }
    expect(await hashTree(store.root)).toEqual(before);
  });

  test('is left alone, when its format cannot be read', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    for (const text of ['', '{', '[]', '{"format": "1"}', '{"format": 0}']) {
      await writeFile(store.layout.formatFile, text);
      for (const words of ['list', 'delete web']) {
        expect(await refusal(words, { store: store.root })).toContain(
          `cannot read "${store.layout.formatFile}"`,
        );
      }
      expect(await readFile(store.layout.formatFile, 'utf8')).toBe(text);
    }
  });
});

describe.runIf(canLoopMount)('a file system', () => {
  test('that is read-only can be read, and nothing else', async () => {
    await withLoopMount('ext4', 32, async (folder) => {
      const layout = new StoreLayout(join(folder, 'store'));
      await initialiseStore(layout);
      await makeInstance(layout, 'web', { data: 0 });
      await makeInstance(layout, 'gone', { data: 0, spec: { deleted: true } });
      await run('mount', ['-o', 'remount,ro', folder]);
      const store = layout.root;
      for (const words of READERS) {
        const { stderr, exitCode } = await multipass(words.split(' '), { store });
        expect({ words, stderr, exitCode }).toEqual({ words, stderr: '', exitCode: 0 });
      }
      for (const words of [...CHANGERS.slice(0, -1), 'recover gone', 'purge']) {
        expect(await refusal(words, { store })).toMatch(
          /^cannot .*: read-only file system \(".*"\)$/,
        );
      }
      for (const words of ['start web', 'exec web -- ls', 'shell web']) {
        const { stderr, exitCode } = await multipass(words.split(' '), { store });
        expect({ words, exitCode }).toEqual({ words, exitCode: 2 });
        expect(stderr).toMatch(/cannot .*: read-only file system \(".*\/web\/\S+"\)/);
        expect(stderr).toContain('hint: Mount the file system for writing');
      }
      const elsewhere = { store: join(folder, 'new') };
      expect(await refusal('delete web', elsewhere)).toBe('instance "web" does not exist');
      const made = await refusal('set local.network=user', elsewhere);
      expect(made).toMatch(/^cannot .*: read-only file system/);
      await run('mount', ['-o', 'remount,rw', folder]);
      expect(await expectSoundStore(layout)).toEqual(['gone', 'web']);
    });
  });

  test('that is full costs nothing, and purge makes room', async () => {
    await withLoopMount('ext4', 48, async (folder) => {
      const layout = new StoreLayout(join(folder, 'store'));
      const store = layout.root;
      await initialiseStore(layout);
      await makeInstance(layout, 'web', { data: 4 });
      await makeInstance(layout, 'gone', { data: 12, spec: { deleted: true } });
      expect(await multipass(['snapshot', 'web', '-n', 'first'], { store })).toMatchObject({
        exitCode: 0,
      });
      await makeInstance(layout, 'shop', { data: 1 });
      fillUp(folder);
      const before = await hashTree(layout.instances);
      expect(await refusal('clone web', { store })).toMatch(/^no(t enough)? space /);
      expect(await refusal('delete web', { store })).toMatch(/^no space left to /);
      for (const words of ['delete web', 'delete --purge web.first']) {
        const { stderr } = await multipass(words.split(' '), { store });
        expect(stderr).toContain('no space left to ');
        expect(stderr).toContain('None is needed by `multipass delete --purge web`');
      }
      expect(await hashTree(layout.instances)).toEqual(before);
      expect((await multipass(['list'], { store })).exitCode).toBe(0);
      const purge = ['delete', '--purge', 'shop'];
      expect(await multipass(purge, { store })).toMatchObject({ stderr: '', exitCode: 0 });
      fillUp(folder);
      expect(await multipass(['purge'], { store })).toMatchObject({ stderr: '', exitCode: 0 });
      expect(await multipass(['clone', 'web'], { store })).toMatchObject({ exitCode: 0 });
      expect(await expectSoundStore(layout)).toEqual(['web', 'web-clone1']);
    });
  });
});

/** Takes all the space of a file system, to the last block. */
function fillUp(folder: string): void {
  spawnSync('dd', ['if=/dev/zero', 'bs=64k', `of=${join(folder, 'filler')}`]);
  spawnSync('dd', ['if=/dev/zero', 'bs=1k', `of=${join(folder, 'last')}`]);
}

describe('a disk that is not one', () => {
  test('is told, and neither cloned nor lost', async ({ store }) => {
    const { disk } = await makeInstance(store.layout, 'web');
    const whole = await readFile(disk);
    const wrongs: readonly (readonly [Buffer | string, RegExp])[] = [
      ['', /web\/disk\.qcow2" .*(empty|short|qcow2)/],
      ['not a disk\n'.repeat(100), /web\/disk\.qcow2" is not a qcow2 image/],
      [whole.subarray(0, 30), /web\/disk\.qcow2" /],
      [Buffer.concat([Buffer.from('QFI\u00FB', 'latin1'), Buffer.alloc(500, 0xff)]), /disk\.qcow2/],
    ];
    for (const [content, message] of wrongs) {
      await writeFile(disk, content);
      const list = await multipass(['list'], { store: store.root });
      expect(list).toMatchObject({ exitCode: 0, stderr: expect.stringMatching(message) as string });
      expect(list.stdout).toMatch(/^web +Broken /m);
      expect(await refusal('clone web', { store: store.root })).toMatch(message);
      expect(await readFile(disk)).toEqual(Buffer.from(content));
    }
    await rm(disk);
    expect(await refusal('clone web', { store: store.root })).toBe(`"${disk}" is missing`);
    await mkdir(disk);
    expect(await refusal('clone web', { store: store.root })).toContain(`"${disk}" is not a`);
    expect(await leftovers(store.layout)).toEqual([]);
  });

  test('is told by clone, when it ends too early', async ({ store }) => {
    const { disk } = await makeInstance(store.layout, 'web', { tags: 1, data: 4 });
    await truncate(disk, 400_000);
    expect(await refusal('clone web', { store: store.root })).toContain('disk');
    expect(await leftovers(store.layout)).toEqual([]);
  });
});

describe('a seed that is not one', () => {
  test('is told by clone, which leaves nothing behind', async ({ store }) => {
    const { seed } = await makeInstance(store.layout, 'web');
    const whole = await readFile(seed);
    for (const content of ['', 'no ISO', whole.subarray(0, 33_000), Buffer.alloc(40_000, 0xff)]) {
      await writeFile(seed, content);
      expect(await refusal('clone web', { store: store.root })).toContain(`"${seed}"`);
    }
    await rm(seed);
    await mkdir(seed);
    expect(await refusal('clone web', { store: store.root })).toContain(`"${seed}"`);
    expect(await leftovers(store.layout)).toEqual([]);
  });
});

describe('a symbolic link in an instance', () => {
  test.for(['spec', 'imageRecord', 'disk', 'seed'] as const)(
    'is not followed: %s',
    async (file, { store, root }) => {
      const dir = await makeInstance(store.layout, 'web', { data: 0 });
      const outside = join(root, '..', 'outside');
      await link(dir[file], outside);
      await rm(dir[file]);
      await symlink(outside, dir[file]);
      const secret = await readFile(outside);
      expect(await refusal('clone web', { store: store.root })).toContain(`"${dir[file]}" is `);
      await multipass(['delete', 'web'], { store: store.root });
      await multipass(['delete', '--purge', 'web'], { store: store.root });
      expect(await readFile(outside)).toEqual(secret);
      expect((await multipass(['list'], { store: store.root })).stdout).toBe(
        'No instances found.\n',
      );
    },
  );

  test('is left behind by clone when it leads out, and told', async ({ store, root }) => {
    const dir = await makeInstance(store.layout, 'web', { data: 0 });
    await symlink(join(root, '..'), dir.file('out'));
    await symlink('../../other', dir.file('up'));
    await symlink('spec.json', dir.file('in'));
    const { stderr, exitCode } = await multipass(['clone', 'web'], { store: store.root });
    expect(exitCode).toBe(0);
    expect(stderr).toMatch(/^warning: .*\/web\/out" was not copied: it is a link to /m);
    expect(stderr).toMatch(/^warning: .*\/web\/up" was not copied: it is a link to /m);
    expect(Object.keys(await hashTree(store.layout.instance('web-clone1').path))).toEqual([
      ...['cloud-init-config.iso', 'disk.qcow2', 'image-record.json', 'in', 'lock', 'spec.json'],
    ]);
  });
});
