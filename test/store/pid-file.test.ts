import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { run } from '../../src/process/run.js';
import { WRITE_PID_FILE } from '../../src/process/detach.js';
import { liveProcessOf } from '../../src/store/pid-file.js';
import { noteOf, workIn } from '../support/pretend-to-run.js';

async function makeFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  await mkdir(join(folder, 'here'));
  await mkdir(join(folder, 'elsewhere'));
  return folder;
}

describe('a pid file', () => {
  test('names a process that is at work in the folder, also when that was moved', async () => {
    const folder = await makeFolder();
    const worker = await workIn(join(folder, 'here'));
    const file = join(folder, 'pid');
    await writeFile(file, noteOf(worker));
    expect(liveProcessOf(file, join(folder, 'here'))).toBe(worker);
    await rename(join(folder, 'here'), join(folder, 'moved'));
    expect(liveProcessOf(file, join(folder, 'moved'))).toBe(worker);
    expect(liveProcessOf(file, join(folder, 'elsewhere'))).toBeUndefined();
    expect(liveProcessOf(file, join(folder, 'here'))).toBeUndefined();
  });

  test('is believed as the shell writes it', async () => {
    const folder = await makeFolder();
    const file = join(folder, 'pid');
    const script = `pidfile=$1; ${WRITE_PID_FILE}\ncat "$pidfile"; sleep 0.3`;
    const running = run('sh', ['-c', script, 'sh', file], { cwd: join(folder, 'here') });
    await expect.poll(() => liveProcessOf(file, join(folder, 'here'))).toBeTypeOf('number');
    expect((await running).stdout).toMatch(
      /^\{"pid": \d+, "startTime": "\d+", "boot": "[0-9a-f-]{36}"\}$/,
    );
    expect(liveProcessOf(file, join(folder, 'here'))).toBeUndefined();
  });

  const LIES: Record<string, object> = {
    'has no start time to tell': { startTime: '0' },
    'started at another time': { startTime: '12345' },
    'is of another boot': { boot: '00000000-1111-2222-3333-444444444444' },
    'is everybody': { pid: -1 },
    'is the first of all': { pid: 1 },
  };
  test.for(Object.entries(LIES))('is not believed when it %s', async ([, changes]) => {
    const folder = await makeFolder();
    const file = join(folder, 'pid');
    const worker = await workIn(join(folder, 'here'));
    await writeFile(file, noteOf(worker, changes));
    expect(liveProcessOf(file, join(folder, 'here'))).toBeUndefined();
  });

  test('is not followed through a link', async () => {
    const folder = await makeFolder();
    const worker = await workIn(join(folder, 'here'));
    await writeFile(join(folder, 'real'), noteOf(worker));
    await symlink('real', join(folder, 'pid'));
    expect(() => liveProcessOf(join(folder, 'pid'), join(folder, 'here'))).toThrow(
      expect.objectContaining({ code: 'INSTANCE_BROKEN' }) as Error,
    );
  });
});
