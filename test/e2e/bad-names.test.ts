import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { multipass } from '../support/command.js';
import { multipassInProcess } from '../support/in-process.js';
import { expectSoundStore } from '../support/sound-store.js';

/** Names that no instance can have, each wrong in its own way. */
const BAD_NAMES: readonly string[] = [
  ...['', ' ', '.', '..', '../web', './web', 'web/', '/etc/passwd', 'instances/web'],
  ...['-x', '--all', 'x-', '5x', 'a b', 'web ', 'a_b', 'web!', '*', '$(id)', '`id`', '~', 'C:web'],
  ...['wéb', 'вeb', 'ウェブ', '😀', 'web\u0301', '\u202Eweb'],
  ...['we\nb', 'web\n', 'we\tb', '\u001B[2Jweb', 'we\u0007b', '\u009B2J'],
  ...['w'.repeat(64), 'w'.repeat(256), 'w'.repeat(300), '%s', '{"a":1}', 'constructor!'],
];

/** As messages show a name: nothing in it can steer the terminal. */
function shown(name: string): string {
  return name.replace(/\p{Cc}/gu, '\u{FFFD}');
}

const LOOK = '  hint: See `multipass list` for the instances there are.\n';

/** What was said, but for what was probably meant; a hint that is then there twice counts once. */
function withoutGuesses<Result extends { readonly stderr: string }>(result: Result): Result {
  const stderr = result.stderr.replaceAll('Did you mean "web"? ', '');
  return { ...result, stderr: stderr.replace(`${LOOK}${LOOK}`, LOOK) };
}

describe('a name that no instance can have', () => {
  test('is refused in one go by the commands that take several', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const before = await hashTree(store.layout.instances);
    const lines = BAD_NAMES.map((name) => `instance "${shown(name)}" does not exist\n`).join('');
    for (const words of [['delete'], ['delete', '--purge'], ['recover'], ['info']]) {
      const args = [...words, '--', ...BAD_NAMES];
      const stderr = `${words[0] ?? ''} failed: The following errors occurred:\n${lines}${LOOK}`;
      expect(withoutGuesses(await multipass(args, { store: store.root }))).toEqual({
        stdout: '',
        stderr,
        exitCode: 2,
      });
    }
    expect(await hashTree(store.layout.instances)).toEqual(before);
  });

  test('is refused by clone, as source and as destination', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    const before = await hashTree(store.root);
    for (const name of BAD_NAMES) {
      const refused = await multipassInProcess(['clone', '--', name], store.layout);
      expect(withoutGuesses(refused)).toEqual({
        stdout: '',
        stderr: `clone failed: instance "${shown(name)}" does not exist\n${LOOK}`,
        exitCode: 2,
      });
      expect(await multipassInProcess(['clone', 'web', '-n', name], store.layout)).toEqual({
        stdout: '',
        stderr:
          `clone failed: Invalid destination instance name: ${shown(name)}\n` +
          '  hint: Use 1 to 63 letters, digits and hyphens, a letter first and no hyphen last.\n',
        exitCode: 2,
      });
    }
    expect(await hashTree(store.root)).toEqual(before);
  });

  test('is refused by migrate', async ({ store, root }) => {
    await mkdir(join(root, 'data', 'vault'), { recursive: true });
    const args = ['migrate', '--from', root, '--format', 'json', '--', ...BAD_NAMES];
    const { stdout, exitCode } = await multipass(args, { store: store.root });
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      instances: BAD_NAMES.map((name) => ({
        name,
        action: 'failed',
        reason: `instance "${name}" does not exist`,
      })),
    });
  });
});

describe('a folder whose name no instance can have', () => {
  test('is told, hides nothing, and is only touched to be purged', async ({ store }) => {
    const { layout } = store;
    await makeInstance(layout, 'web', { data: 0 });
    const strange = ['a b', 'a.b', '-x', 'we\nb', '\u001B[2J', 'w'.repeat(255), 'wéb'];
    for (const name of strange) {
      await mkdir(layout.instance(name).path);
      await writeFile(layout.instance(name).file('notes'), 'mine');
    }
    const before = await hashTree(layout.instances);
    const list = await multipass(['list', '--format', 'json'], { store: store.root });
    const names = (JSON.parse(list.stdout) as { list: { name: string }[] }).list;
    expect(names.map(({ name }) => name)).toEqual([...strange, 'web'].sort());
    expect(list.exitCode).toBe(0);
    for (const words of [['list'], ['info']]) {
      const { stdout, stderr, exitCode } = await multipass(words, { store: store.root });
      expect(stdout).toMatch(/^(Name: +)?web\b/m);
      expect(stderr.match(/^instance ".*" is broken: .* is no name that an/gm)).toHaveLength(7);
      expect(stdout + stderr).not.toContain('\u001B');
      expect(exitCode).toBe(0);
    }
    for (const command of ['delete', 'recover', 'info', 'clone']) {
      const { exitCode } = await multipass([command, '--', 'a b'], { store: store.root });
      expect(exitCode).toBe(2);
    }
    expect(await hashTree(layout.instances)).toEqual(before);
    const purge = ['delete', '--purge', '--', ...strange];
    expect(await multipass(purge, { store: store.root })).toMatchObject({
      stderr: '',
      exitCode: 0,
    });
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });
});
