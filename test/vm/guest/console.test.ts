import { mkdir, stat, truncate, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../../src/store/instance-dir.js';
import { boundConsole, consoleTail } from '../../../src/vm/guest/console.js';
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

  test('is nothing for a guest that said nothing, or has no log', async ({ dir }) => {
    expect(consoleTail(dir)).toBe('');
    await writeFile(dir.consoleLog, '\n\n');
    expect(consoleTail(dir)).toBe('');
  });
});

describe('boundConsole', () => {
  test('empties a log that is larger than 16 MiB, and no other', async ({ dir }) => {
    await boundConsole(dir);
    await writeFile(dir.consoleLog, '');
    await truncate(dir.consoleLog, 16 * 1024 ** 2);
    await boundConsole(dir);
    expect((await stat(dir.consoleLog)).size).toBe(16 * 1024 ** 2);
    await truncate(dir.consoleLog, 16 * 1024 ** 2 + 1);
    await boundConsole(dir);
    expect((await stat(dir.consoleLog)).size).toBe(0);
  });
});
