import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { multipass } from '../support/command.js';
import { makeInstance, test } from '../support/store-fixture.js';

/** What a runtime may look for where it is started. */
const FILES: Readonly<Record<string, string>> = {
  'bunfig.toml': 'preload = ["./hostile.js"]\n[run]\npreload = ["./hostile.js"]\n',
  'hostile.js': "require('node:fs').writeFileSync('was-here', '');\n",
  'package.json': '{"type": "module", "imports": {"#x": "./hostile.js"}, "main": "hostile.js"}',
  'tsconfig.json': '{"compilerOptions": {"paths": {"*": ["./hostile.js"]}}}',
};

test('nothing in the working directory changes what the command does', async ({ store, root }) => {
  await makeInstance(store.layout, 'web', { data: 0 });
  const cwd = join(root, '../hostile');
  await mkdir(cwd);
  for (const [name, text] of Object.entries(FILES)) await writeFile(join(cwd, name), text);
  const variables = `MULTIPASS_STORAGE=${store.root}\nNODE_OPTIONS=--require=./hostile.js\n`;
  for (const name of ['.env', '.env.local', '.env.production', '.env.development']) {
    await writeFile(join(cwd, name), variables);
  }
  const before = await readdir(cwd);
  const through = ['env', '-u', 'MULTIPASS_STORAGE'];
  for (const words of ['version', 'list']) {
    const result = await multipass([words], { store: root, cwd, through });
    expect(result).toMatchObject({ stderr: '', exitCode: 0 });
    expect(result.stdout).not.toContain('web');
  }
  expect(await readdir(cwd)).toEqual(before);
});
