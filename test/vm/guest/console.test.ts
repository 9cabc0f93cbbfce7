import { mkdir, truncate, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { consoleTail } from '../../../src/vm/guest/console.js';
import { test as base } from '../../support/store-fixture.js';

const test = base.extend<{ dir: InstanceDir }>({
  dir: async ({ store }, use) => {
    const dir = store.layout.instance('web');
    await mkdir(dir.run, { recursive: true });
    await use(dir);
  },
});

describe('consoleTail', () => {
  test('is the last 15 lines that say something', async ({ dir }) => {
    const lines = Array.from({ length: 40 }, (_, at) => `line ${at}`);
    await writeFile(dir.consoleLog, `${lines.join('\r\n')}\r\n\r\n  \r\n`);
    expect(consoleTail(dir)).toBe(lines.slice(-15).join('\n'));
  });

  test('reads no more than the end of a huge log', async ({ dir }) => {
    await writeFile(dir.consoleLog, '');
    await truncate(dir.consoleLog, 1024 ** 4);
    expect(consoleTail(dir)).toHaveLength(8192);
  });

  test.for([
    ['just after the log was begun anew', 'four\n', 'one\ntwo\nthree\n', 'one\ntwo\nthree\nfour'],
    ['in the middle of a line', 'r\nfive\n', 'three\nfou', 'three\nfour\nfive'],
    ['before the new one holds anything', '', 'one\n', 'one'],
  ] as const)('goes on in the older log %s', async ([, newer, older, tail], { dir }) => {
    await writeFile(dir.consoleLog, newer);
    await writeFile(dir.olderConsoleLog, older);
    expect(consoleTail(dir)).toBe(tail);
  });

  test('has nothing of the older log where the newer one is long enough', async ({ dir }) => {
    await writeFile(dir.consoleLog, 'n'.repeat(8192));
    await writeFile(dir.olderConsoleLog, 'older\n');
    expect(consoleTail(dir)).toBe('n'.repeat(8192));
  });

  test('is nothing for a guest that said nothing, or has no log', async ({ dir }) => {
    expect(consoleTail(dir)).toBe('');
    await writeFile(dir.consoleLog, '\n\n');
    expect(consoleTail(dir)).toBe('');
  });
});
