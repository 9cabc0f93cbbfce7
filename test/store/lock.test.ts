import { existsSync } from 'node:fs';
import { access, mkdir, mkdtemp, readdir, rename, rm, utimes } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, describe, expect, vi } from 'vitest';
import type { StoreLayout } from '../../src/store/layout.js';
import { InstanceLock, type LockRequest } from '../../src/store/lock.js';
import { test as base, type Worker } from '../support/worker-fixture.js';

/** A store with an instance `web`, of which the lock alone matters. */
const test = base.extend<{ layout: StoreLayout }>({
  layout: async ({ store }, use) => {
    await mkdir(store.layout.instance('web').path);
    await use(store.layout);
  },
});

function take(layout: StoreLayout, request: Partial<LockRequest> = {}): Promise<InstanceLock> {
  return InstanceLock.take(layout, 'web', { mode: 'exclusive', purpose: 'test', ...request });
}

/** Whether the lock can be had at once. */
async function isFree(layout: StoreLayout, mode: LockRequest['mode'] = 'exclusive') {
  const busy = new Error('busy');
  const whileWaiting = (): never => {
    throw busy;
  };
  try {
    await (await take(layout, { mode, whileWaiting })).release();
    return true;
  } catch (error) {
    if (error === busy) return false;
    throw error;
  }
}

async function held(worker: Worker): Promise<void> {
  expect(await worker.next()).toBe('held');
}

afterEach(() => {
  vi.useRealTimers();
});

describe('InstanceLock', () => {
  test('lets one process at a time in', async ({ layout, start }) => {
    const rivals = [1, 2, 3].map(() => start('contend', ['web', '4']));
    for (const rival of rivals) await rival.next();
    for (const rival of rivals) rival.go();
    for (const rival of rivals) expect(await rival.next()).toBe(0);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('is shared by several processes, and keeps an exclusive one out until the last is gone', async ({
    layout,
    start,
  }) => {
    const readers = [start('lock', ['web', 'shared']), start('lock', ['web', 'shared'])];
    for (const reader of readers) await held(reader);
    expect(await isFree(layout, 'shared')).toBe(true);
    for (const reader of readers) {
      expect(await isFree(layout)).toBe(false);
      reader.go();
      expect(await reader.next()).toBe('released');
    }
    expect(await isFree(layout)).toBe(true);
  });

  test('keeps the shared out while it is held exclusively', async ({ layout }) => {
    await using lock = await take(layout);
    expect(lock.descriptor).toBeGreaterThan(2);
    expect(await isFree(layout, 'shared')).toBe(false);
  });

  test('is free at once when its holder is killed', async ({ layout, start }) => {
    for (const mode of ['exclusive', 'shared']) {
      const holder = start('lock', ['web', mode]);
      await held(holder);
      expect(await isFree(layout)).toBe(false);
      await holder.kill();
      expect(await isFree(layout)).toBe(true);
    }
  });

  test('moves along when the folder is renamed', async ({ layout, start }) => {
    const holder = start('lock', ['web']);
    await held(holder);
    await rename(layout.instance('web').path, layout.instance('web-2').path);
    await mkdir(layout.instance('web').path);
    expect(await isFree(layout)).toBe(true);
    await rm(layout.instance('web').path, { recursive: true });
    await rename(layout.instance('web-2').path, layout.instance('web').path);
    expect(await isFree(layout)).toBe(false);
  });

  test('breaks a lock folder that a dead holder left, however fresh it is', async ({ layout }) => {
    await mkdir(join(layout.locks, 'web.lock'));
    expect(await isFree(layout)).toBe(true);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('breaks no lock folder without the kernel lock', async ({ layout, start }) => {
    const holder = start('lock', ['web', 'shared']);
    await held(holder);
    await mkdir(join(layout.locks, 'web.lock'));
    expect(await isFree(layout)).toBe(false);
    await expect(access(join(layout.locks, 'web.lock'))).resolves.toBeUndefined();
  });

  test('shows other programs a lock folder while it is held exclusively', async ({ layout }) => {
    const lock = await take(layout);
    expect(await readdir(layout.locks)).toContain('web.lock');
    await lock.release();
    expect(await readdir(layout.locks)).toEqual([]);
  });

  test('fails with ENOENT, and makes nothing, when there is no such instance', async ({
    layout,
  }) => {
    await rm(layout.instance('web').path, { recursive: true });
    await expect(take(layout)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await readdir(layout.instances)).toEqual([]);
    expect(await readdir(layout.locks)).toEqual([]);
  });
});

describe('waiting for an InstanceLock', () => {
  test('tells who holds it, once, after two seconds', async ({ layout, start }) => {
    const holder = start('lock', ['web']);
    await held(holder);
    const told: [holders: string, after: number][] = [];
    vi.useFakeTimers({ toFake: ['Date'] });
    const begin = Date.now();
    const waiting = take(layout, {
      onWait: (holders) => told.push([holders, Date.now() - begin]),
      whileWaiting: () => {
        if (Date.now() - begin > 2600) holder.go();
        else vi.setSystemTime(Date.now() + 500);
      },
    });
    const lock = await waiting;
    vi.useRealTimers();
    await lock.release();
    expect(told).toEqual([[expect.any(String), 2000]]);
    expect(told[0]?.[0]).toMatch(
      new RegExp(`^test \\(pid ${holder.pid}\\) since \\d{4}-\\d\\d-\\d\\dT[\\d:.]+Z$`),
    );
  });

  test('tells nobody when the lock comes sooner', async ({ layout, start }) => {
    const holder = start('lock', ['web']);
    await held(holder);
    const told: string[] = [];
    let rounds = 0;
    const waiting = take(layout, {
      onWait: (holders) => told.push(holders),
      whileWaiting: () => {
        if ((rounds += 1) === 3) holder.go();
      },
    });
    await (await waiting).release();
    expect(told).toEqual([]);
  });

  test('is left when the signal fires', async ({ layout, start }) => {
    const holder = start('lock', ['web']);
    await held(holder);
    const before = await readdir(layout.locks);
    const signal = AbortSignal.timeout(300);
    await expect(take(layout, { signal })).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await readdir(layout.locks)).toEqual(before);
    holder.go();
    expect(await holder.next()).toBe('released');
    expect(await isFree(layout)).toBe(true);
  });

  test('is given up by what whileWaiting throws', async ({ layout, start }) => {
    await held(start('lock', ['web']));
    const started = new Error('it was started meanwhile');
    const whileWaiting = (): never => {
      throw started;
    };
    await expect(take(layout, { whileWaiting })).rejects.toBe(started);
  });
});

describe('InstanceLock without flock(1)', () => {
  const withoutFlock = base.extend<{ layout: StoreLayout; env: { PATH: string } }>({
    layout: async ({ store }, use) => {
      await mkdir(store.layout.instance('web').path);
      await use(store.layout);
    },
    env: async ({ store }, use) => {
      await use({ PATH: await mkdtemp(join(store.root, 'no-programs-')) });
    },
  });

  withoutFlock('still lets one process at a time in', async ({ layout, start, env }) => {
    const rivals = [1, 2, 3].map(() => start('contend', ['web', '5'], env));
    for (const rival of rivals) await rival.next();
    for (const rival of rivals) rival.go();
    for (const rival of rivals) expect(await rival.next()).toBe(0);
    expect(await readdir(layout.locks)).toEqual([]);
  });

  withoutFlock(
    'never breaks the lock folder of a living holder',
    async ({ layout, start, env }) => {
      const holder = start('lock', ['web'], env);
      await held(holder);
      vi.stubEnv('PATH', env.PATH);
      let tries = 0;
      const whileWaiting = (): void => {
        tries += 1;
        expect(existsSync(join(layout.locks, 'web.lock'))).toBe(true);
        if (tries === 3) holder.go();
      };
      await (await take(layout, { whileWaiting })).release();
      expect(await holder.next()).toBe('released');
      expect(tries).toBeGreaterThanOrEqual(3);
    },
  );

  withoutFlock(
    'tells who holds it, and can be left or given up, while it waits',
    async ({ layout, start, env }) => {
      const holder = start('lock', ['web'], env);
      await held(holder);
      vi.stubEnv('PATH', env.PATH);
      const before = await readdir(layout.locks);

      const told: string[] = [];
      const abort = new AbortController();
      const onWait = (holders: string): void => void told.push(holders);
      vi.useFakeTimers({ toFake: ['Date'] });
      const whileWaiting = (): void => {
        if (told.length > 0) abort.abort();
        vi.setSystemTime(Date.now() + 1000);
      };
      const leaving = take(layout, { signal: abort.signal, onWait, whileWaiting });
      await expect(leaving).rejects.toMatchObject({ code: 'ABORTED' });
      vi.useRealTimers();
      expect(told).toEqual([expect.stringContaining(`test (pid ${holder.pid}) since`)]);

      const started = new Error('it was started meanwhile');
      const giveUp = (): never => {
        throw started;
      };
      await expect(take(layout, { whileWaiting: giveUp })).rejects.toBe(started);
      expect(await readdir(layout.locks)).toEqual(before);
    },
  );

  withoutFlock(
    'is lost when somebody removes its lock folder, which does no harm to one with flock(1)',
    async ({ layout, env }) => {
      await mkdir(layout.instance('db').path);
      const purpose = 'test';
      vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
      await using safe = await InstanceLock.take(layout, 'db', { mode: 'exclusive', purpose });
      vi.stubEnv('PATH', env.PATH);
      await using unsafe = await take(layout);
      for (const name of ['web.lock', 'db.lock']) {
        await rm(join(layout.locks, name), { recursive: true });
      }
      unsafe.assertHeld();
      // It looks after its folder every 5 s.
      await vi.advanceTimersByTimeAsync(4900);
      unsafe.assertHeld();
      await vi.advanceTimersByTimeAsync(200);
      vi.useRealTimers();
      await vi.waitFor(() =>
        expect(() => unsafe.assertHeld()).toThrow(
          expect.objectContaining({ code: 'LOCK_LOST' }) as Error,
        ),
      );
      // It has had its look at its folder by now, too.
      safe.assertHeld();
    },
  );

  withoutFlock('keeps nothing when it cannot be taken to the end', async ({ layout, env }) => {
    // Too long for the note of who holds it, but not for the lock folder.
    const name = 'x'.repeat(245);
    await mkdir(layout.instance(name).path);
    vi.stubEnv('PATH', env.PATH);
    const taking = InstanceLock.take(layout, name, { mode: 'exclusive', purpose: 'test' });
    await expect(taking).rejects.toThrow('note who holds the lock');
    expect(await readdir(layout.locks)).toEqual([]);
  });

  withoutFlock(
    'takes over what a dead holder left once it is stale',
    async ({ layout, start, env }) => {
      const left = join(layout.locks, 'web.lock');
      await mkdir(left);
      const then = new Date(Date.now() - 16_000);
      await utimes(left, then, then);
      await held(start('lock', ['web'], env));
    },
  );
});
