import { describe, expect } from 'vitest';
import { errnoOf } from '../../src/errors.js';
import { connectUnixSocket, isNotNow } from '../../src/qemu/unix-socket.js';
import { SOCKET, test } from './live-qemu.js';

describe('a connection that is for later', () => {
  test('is one to a QEMU whose queue is full', async ({ live }) => {
    const connect = async () => await connectUnixSocket(live.folder, SOCKET, (socket) => socket);
    const all = await Promise.allSettled(Array.from({ length: 20 }, connect));
    const refused = all.flatMap((one) =>
      one.status === 'rejected' ? [one.reason as unknown] : [],
    );
    for (const one of all) if (one.status === 'fulfilled') one.value.destroy();
    expect(new Set(refused.map(errnoOf))).toEqual(new Set(['EAGAIN']));
    expect(refused.every(isNotNow)).toBe(true);
  });

  test('is one to a socket that is not there yet', async ({ folder }) => {
    const error: unknown = await connectUnixSocket(folder, 'none.sock', () => undefined).catch(
      (reason: unknown) => reason,
    );
    expect(errnoOf(error)).toBe('ENOENT');
    expect(isNotNow(error)).toBe(true);
  });

  test('is none that fails for another reason', () => {
    expect(isNotNow(Object.assign(new Error('no'), { code: 'EACCES' }))).toBe(false);
    expect(isNotNow(new Error('no'))).toBe(false);
  });
});
