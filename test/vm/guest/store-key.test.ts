import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { hasKey, STORE_KEY, storePublicKey } from '../../../src/vm/guest/store-key.js';
import { leftovers } from '../../support/sound-store.js';
import { test } from '../../support/store-fixture.js';

describe('storePublicKey', () => {
  test('makes the key at its first use, for the owner alone', async ({ store: { layout } }) => {
    const line = await storePublicKey(layout);
    expect(line).toMatch(/^ssh-ed25519 [A-Za-z0-9+/=]+ multipass-ts$/);
    expect((await stat(layout.key(STORE_KEY))).mode & 0o777).toBe(0o600);
    expect(await readdir(layout.keys)).toEqual([STORE_KEY]);
    expect(await storePublicKey(layout)).toBe(line);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('is the same for all who ask at once', async ({ store: { layout } }) => {
    const lines = await Promise.all([1, 2, 3, 4].map(() => storePublicKey(layout)));
    expect(new Set(lines).size).toBe(1);
    const { stdout } = await run('ssh-keygen', ['-y', '-f', layout.key(STORE_KEY)]);
    expect(lines[0]).toContain(stdout.trim().split(' ')[1]);
    expect(await leftovers(layout)).toEqual([]);
  });

  test('leaves a key alone that it cannot read', async ({ store: { layout } }) => {
    await writeFile(layout.key(STORE_KEY), 'no key');
    await chmod(layout.key(STORE_KEY), 0o600);
    await expect(storePublicKey(layout)).rejects.toMatchObject({ code: 'TOOL_FAILED' });
    expect(await readFile(layout.key(STORE_KEY), 'utf8')).toBe('no key');
  });

  test('says what is missing without OpenSSH', async ({ store: { layout } }) => {
    vi.stubEnv('PATH', layout.keys);
    await expect(storePublicKey(layout)).rejects.toMatchObject({
      code: 'TOOL_MISSING',
      message: 'the program "ssh-keygen" is not installed',
    });
    expect(await leftovers(layout)).toEqual([]);
  });
});

test('hasKey tells whether there is one', async ({ store: { layout } }) => {
  expect(await hasKey(layout, STORE_KEY)).toBe(false);
  await storePublicKey(layout);
  expect(await hasKey(layout, STORE_KEY)).toBe(true);
});
