import { appendFile, mkdir, rm, writeFile } from 'node:fs/promises';
import { setTimeout } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { multipass, type CommandResult } from '../support/command.js';
import { pretendToRun } from '../support/pretend-to-run.js';
import { makeInstance, test as base } from '../support/store-fixture.js';

/** An instance `web` that has written to its console. */
const test = base.extend<{ dir: InstanceDir }>({
  dir: async ({ store }, use) => {
    const dir = await makeInstance(store.layout, 'web', { seed: null, data: 0 });
    await mkdir(dir.run, { mode: 0o700 });
    await writeFile(dir.olderConsoleLog, 'Booting\r\n');
    await writeFile(dir.consoleLog, '\u001b[32m OK \u001b[0m Reached\r\n');
    await writeFile(dir.runFile('qemu.log'), 'qemu: no such card\n');
    await use(dir);
  },
});

describe('logs', () => {
  test('shows the console of the last run as it is, and what QEMU said', async ({ root, dir }) => {
    const run = (...words: string[]): Promise<CommandResult> =>
      multipass(['logs', ...words], { store: root });
    const SILENT = { stderr: '', exitCode: 0 };
    const console = 'Booting\r\n\u001b[32m OK \u001b[0m Reached\r\n';
    expect(await run('web')).toEqual({ ...SILENT, stdout: console });
    expect(await run('web', '--qemu')).toEqual({ ...SILENT, stdout: 'qemu: no such card\n' });
    // It does not run, so nothing more will come.
    expect(await run('-f', 'web')).toEqual({ ...SILENT, stdout: console });
    // One that is Broken has a log, too.
    await rm(dir.spec);
    expect(await run('web')).toEqual({ ...SILENT, stdout: console });
    await rm(dir.run, { recursive: true });
    expect(await run('web')).toEqual({ ...SILENT, stdout: '' });
  });

  test('goes on until the instance stops, over a character that came in two parts', async ({
    dir,
    store,
  }) => {
    await pretendToRun(dir);
    const euro = Buffer.from('€\r\n');
    let text = '';
    let seen = (): void => undefined;
    const first = new Promise<void>((resolve) => (seen = resolve));
    const read = async (): Promise<void> => {
      for await (const piece of (await store.get('web')).logs({ follow: true })) {
        text += piece;
        seen();
      }
    };
    const reading = read();
    await first;
    await appendFile(dir.consoleLog, euro.subarray(0, 1));
    await setTimeout(500);
    expect(text).toMatch(/Reached\r\n$/);
    await appendFile(dir.consoleLog, euro.subarray(1));
    await rm(dir.qemuPid);
    await reading;
    expect(text).toBe('Booting\r\n\u001b[32m OK \u001b[0m Reached\r\n€\r\n');
  });

  test('is left by a signal', async ({ dir, store }) => {
    await pretendToRun(dir);
    const stop = new AbortController();
    const vm = await store.get('web');
    const read = async (): Promise<void> => {
      for await (const piece of vm.logs({ follow: true, signal: stop.signal })) {
        expect(piece).not.toBe('');
        stop.abort();
      }
    };
    await expect(read()).rejects.toMatchObject({ code: 'ABORTED' });
  });

  test('refuses what is no instance', async ({ root, dir }) => {
    const run = (...words: string[]): Promise<CommandResult> =>
      multipass(['logs', ...words], { store: root });
    expect(await run('nope')).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await run(`../instances/${dir.name}`)).toMatchObject({ exitCode: 2, stdout: '' });
    expect(await run()).toMatchObject({ exitCode: 1, stdout: '' });
  });
});
