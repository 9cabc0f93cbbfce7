import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect } from 'vitest';
import { isOwnToken, isProcessAlive, makerState, newToken } from '../../src/store/maker-token.js';
import { startTimeOf } from '../../src/process/start-time.js';
import { test } from '../support/worker-fixture.js';

/** Machine, boot, pid namespace, pid, start time, random. */
function changed(token: string, field: number, value: string): string {
  return token.split('.').with(field, value).join('.');
}

describe('makerState', () => {
  test('says alive of this very process, whose tokens all differ', () => {
    const token = newToken();
    expect(makerState(token)).toBe('alive');
    expect(newToken()).not.toBe(token);
    expect(isOwnToken(token)).toBe(true);
  });

  test('says alive of a living child, and dead once that was killed and reaped', async ({
    start,
  }) => {
    const child = start('idle');
    const token = String(await child.next());
    expect(makerState(token)).toBe('alive');
    expect(isOwnToken(token)).toBe(false);
    await child.kill();
    expect(makerState(token)).toBe('dead');
  });

  test('says dead after another boot of this machine, whatever runs under that pid now', () => {
    expect(makerState(changed(newToken(), 1, '0123456789ab'))).toBe('dead');
  });

  test('says dead of a pid that was given to another process since', () => {
    expect(makerState(changed(newToken(), 4, '1'))).toBe('dead');
    expect(isOwnToken(changed(newToken(), 4, '1'))).toBe(false);
  });

  test('says dead of a zombie, which still answers to signals', async () => {
    // The child ends after the shell has become something that never reaps it.
    const parent = spawn('sh', ['-c', 'sleep 0.2 & echo $!; exec sleep 60'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    try {
      const [output] = (await once(parent.stdout, 'data')) as [Buffer];
      const pid = output.toString().trim();
      await expect.poll(() => startTimeOf(pid), { timeout: 10_000 }).toBe('dead');
      process.kill(Number(pid), 0);
      expect(isProcessAlive(Number(pid), startTimeOf('self') ?? '')).toBe(false);
      expect(makerState(changed(newToken(), 3, pid))).toBe('dead');
    } finally {
      parent.kill('SIGKILL');
    }
  });

  test.for([
    ['another machine', changed(newToken(), 0, '0123456789ab')],
    ['another pid namespace', changed(newToken(), 2, '1')],
  ] as const)('does not judge %s, where nobody can be asked', ([, token]) => {
    expect(makerState(token)).toBe('unknown');
  });

  test('does not take anything else for a token', () => {
    const token = newToken();
    const others = ['', 'lost+found', 'web', '../../etc', `${token}x`, token.slice(1), ` ${token}`];
    for (const name of others) {
      expect(makerState(name)).toBe('unknown');
      expect(isOwnToken(name)).toBe(false);
    }
  });
});

describe('isProcessAlive', () => {
  test('tells this process by its start time', () => {
    expect(isProcessAlive(process.pid, startTimeOf('self')!)).toBe(true);
    expect(isProcessAlive(process.pid, '12')).toBe(false);
  });

  test('takes a process for alive where the start time could not be told', () => {
    expect(isProcessAlive(process.pid, '0')).toBe(true);
  });

  test.for([0, 2 ** 31, 99_999_999_999])('takes the impossible pid %i for dead', (pid) => {
    expect(isProcessAlive(pid, '12345')).toBe(false);
    expect(isProcessAlive(pid, '0')).toBe(false);
  });
});
