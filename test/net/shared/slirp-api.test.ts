import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import {
  addHostForward,
  listHostForwards,
  removeHostForward,
} from '../../../src/net/shared/slirp-api.js';
import { freeLoopbackPort } from '../../../src/net/user-network.js';

let folder: string;
const children: ChildProcess[] = [];
const slirp = () => ({ folder, socket: 'slirp.sock' });

beforeAll(async () => {
  // Longer than the kernel takes for the path of a socket.
  folder = await mkdtemp(join(tmpdir(), `multipass-ts-slirp-${'x'.repeat(100)}-`));
  const holder = spawn('unshare', ['--net', 'sleep', '600'], { stdio: 'ignore' });
  children.push(holder);
  await vi.waitFor(async () => {
    const { readlink } = await import('node:fs/promises');
    const [own, its] = await Promise.all(
      ['self', String(holder.pid)].map((pid) => readlink(`/proc/${pid}/ns/net`)),
    );
    expect(its).not.toBe(own);
  });
  const words = ['-c', '-a', 'slirp.sock', String(holder.pid), 'tap0'];
  children.push(spawn('slirp4netns', words, { cwd: folder, stdio: 'ignore' }));
  await vi.waitFor(() => expect(existsSync(join(folder, 'slirp.sock'))).toBe(true), 10_000);
}, 30_000);

afterAll(async () => {
  for (const child of children) child.kill('SIGKILL');
  await rm(folder, { recursive: true, force: true });
});

describe('the API of slirp4netns', () => {
  it('leads ports in, lists them, and ends them', async () => {
    const [tcp, udp] = [await freeLoopbackPort(), await freeLoopbackPort()];
    const forwards = [
      { protocol: 'tcp', address: '127.0.0.1', hostPort: tcp, innerPort: 8080 },
      { protocol: 'udp', address: '127.0.0.1', hostPort: udp, innerPort: 53 },
    ];
    for (const forward of forwards) await addHostForward(slirp(), forward);
    const listed = await listHostForwards(slirp());
    expect(listed).toEqual(forwards.map((one) => expect.objectContaining(one) as object));
    for (const { id } of listed) await removeHostForward(slirp(), id);
    expect(await listHostForwards(slirp())).toEqual([]);
  });

  it('refuses a port that is taken, and one that there is not', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    const forward = { protocol: 'tcp', address: '127.0.0.1', hostPort: port, innerPort: 1 };
    await expect(addHostForward(slirp(), forward)).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
    });
    server.close();
    await expect(removeHostForward(slirp(), 77)).rejects.toMatchObject({ code: 'NETWORK_FAILED' });
  });

  it('is missed when nobody listens', async () => {
    await expect(listHostForwards({ folder, socket: 'nobody' })).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
    });
  });
});
