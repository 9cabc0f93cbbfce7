import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, vi } from 'vitest';
import { multipass, type CommandResult } from '../support/command.js';
import { readYaml } from '../support/read-yaml.js';
import { replaceProgram } from '../support/replace-program.js';
import { expectSoundStore } from '../support/sound-store.js';
import { makeInstance, test } from '../support/store-fixture.js';

/** Lets qemu-img's work on internal snapshots fail: what comes after the commit point. */
async function breakSnapshots(home: string): Promise<void> {
  await replaceProgram(
    join(home, 'bin'),
    'qemu-img',
    '[ "$1" != snapshot ] || { echo broken >&2; exit 1; }\nexec "$REAL" "$@"',
  );
}

describe('an operation that fails after its commit point', () => {
  test.for([
    ['snapshot web -n late', 'snapshot', 'the snapshot'],
    ['restore --destructive web.first', 'restore', 'the restore'],
    ['delete --purge web.first', 'delete-snapshot', 'the deletion of a snapshot'],
  ] as const)(
    '%s: it is said, shown, and finished',
    async ([words, operation, called], { store }) => {
      const { layout } = store;
      const dir = await makeInstance(layout, 'web', { data: 0 });
      const run = async (line: string): Promise<CommandResult> =>
        await multipass(line.split(' '), { store: layout.root });
      expect(await run('snapshot web -n first')).toMatchObject({ exitCode: 0 });
      await breakSnapshots(store.root);

      const failed = await run(words);
      const note = `${called} of "web" is on record and not finished: the next command that starts, clones or changes it finishes it`;
      expect(failed.exitCode).toBe(2);
      expect(failed.stderr).toContain(`broken; ${note}\n`);
      expect(failed.stderr).toContain('hint: ');
      expect(existsSync(dir.pending)).toBe(true);
      const again = await run('clone web');
      expect(again.stderr).toContain(note);
      expect(again.stderr.split(note)).toHaveLength(2);

      for (const command of ['list', 'info web']) {
        const table = await run(command);
        expect(table).toMatchObject({ stderr: `note: ${note}\n`, exitCode: 0 });
        expect(await run(`${command} --format csv`)).toMatchObject({ stderr: `note: ${note}\n` });
        const { stdout: json } = await run(`${command} --format json`);
        const yaml = readYaml((await run(`${command} --format yaml`)).stdout);
        const pending = { pending: operation };
        const inJson = command === 'list' ? { list: [pending] } : { info: { web: pending } };
        expect(JSON.parse(json)).toMatchObject(inJson);
        expect(yaml).toMatchObject({ web: [pending] });
      }
      expect((await run('info web')).stdout).toMatch(new RegExp(`^Pending: +${operation}$`, 'm'));

      vi.unstubAllEnvs();
      expect(await run('set local.web.cpus=2')).toMatchObject({ stderr: '', exitCode: 0 });
      expect(await run('list')).toMatchObject({ stderr: '' });
      expect((await run('info web --format json')).stdout).not.toContain('pending');
      await expectSoundStore(layout);
    },
  );

  test('one that fails before it changes nothing, and says no more', async ({ store }) => {
    await makeInstance(store.layout, 'web', { data: 0 });
    await replaceProgram(join(store.root, 'bin'), 'qemu-img', 'echo broken >&2; exit 1');
    const words = ['snapshot', 'web'];
    const { stderr } = await multipass(words, { store: store.root });
    expect(stderr).toContain('broken');
    expect(stderr).not.toContain('on record');
  });
});
