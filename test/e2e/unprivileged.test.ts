import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { expect } from 'vitest';
import { StoreLayout } from '../../src/store/layout.js';
import { multipass } from '../support/command.js';
import { test } from './support/legacy-data.js';
import { AS_NOBODY, giveToNobody } from './support/nobody.js';
import { expectSoundStore } from '../support/sound-store.js';

test('a user without any rights migrates, clones, deletes and purges', async ({ legacy, root }) => {
  await giveToNobody(legacy.paths.root);
  await mkdir(root);
  await giveToNobody(root);
  const run = async (words: string): Promise<string> => {
    const options = { store: root, through: AS_NOBODY, cwd: dirname(root) };
    const { stdout, stderr, exitCode } = await multipass(words.split(' '), options);
    expect({ words, stderr, exitCode }).toEqual({ words, stderr: '', exitCode: 0 });
    return stdout;
  };
  const layout = new StoreLayout(root);

  expect((await run(`migrate --from ${legacy.paths.root}`)).match(/ migrated /g)).toHaveLength(5);
  expect((await run('list --format csv')).match(/^web,Stopped,/gm)).toHaveLength(1);
  expect(await run('clone web')).toBe('Cloned from web to web-clone1.\n');
  expect(await run('clone old -n copy')).toBe('Cloned from old to copy.\n');
  await run('delete web db');
  await run('recover db');
  await run('purge');
  await run('delete --purge old');
  expect(await expectSoundStore(layout)).toEqual(['asleep', 'copy', 'db', 'web-clone1']);
  const { mode, uid } = await stat(layout.instance('copy').disk);
  expect({ mode: mode & 0o777, uid }).toEqual({ mode: 0o600, uid: (await stat(root)).uid });
});
