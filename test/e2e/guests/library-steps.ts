import { randomBytes } from 'node:crypto';
import { expect } from 'vitest';
import { openStore } from '../../../src/index.js';
import { enterBySsh } from './ssh-config-steps.js';
import type { GuestStore } from './support.js';

/** What the library and the system's own ssh do with the running instance `web` of a store. */
export async function enterOtherwise(guests: GuestStore): Promise<void> {
  const { root } = guests.layout;
  await runsPrograms(root);
  await talksToAProgram(root);
  await enterBySsh(guests);
}

async function runsPrograms(root: string): Promise<void> {
  const vm = await openStore(root).get('web');
  const input = randomBytes(2 ** 20);
  const { stdout } = await vm.exec(['cat'], { input, encoding: 'buffer' });
  expect(stdout.equals(input)).toBe(true);
  const env = { GREETING: "it's $HOME" };
  const said = await vm.exec(['sh', '-c', 'pwd; echo "$GREETING"; exit 255'], {
    cwd: '/etc',
    env,
  });
  expect(said).toEqual({ exitCode: 255, signal: null, stdout: "/etc\nit's $HOME\n", stderr: '' });
  const killed = await vm.exec(['sh', '-c', 'kill -9 $$']);
  expect(killed).toEqual({ exitCode: 137, signal: 'SIGKILL', stdout: '', stderr: '' });
  await expect(vm.exec(['no-such-program'])).rejects.toMatchObject({ code: 'COMMAND_NOT_RUN' });
  const late = vm.exec(['sleep', '600'], { timeoutMs: 3000 });
  await expect(late).rejects.toMatchObject({ code: 'TIMED_OUT' });
  const { exitCode } = await vm.exec(['sh', '-c', 'ps | grep "slee[p] 600"']);
  expect(exitCode).toBe(1);
}

async function talksToAProgram(root: string): Promise<void> {
  const vm = await openStore(root).get('web');
  await vm.waitFor({ port: 22 });
  const script = 'echo ready; read x; echo "$x" >/tmp/said; echo done; sleep 600';
  const program = await vm.spawn(['sh', '-c', script]);
  const lines: string[] = [];
  for await (const line of program) {
    if (lines.push(line) === 1) program.stdin.write('hello\n');
    else break;
  }
  expect(lines).toEqual(['ready', 'done']);
  await vm.waitFor({ file: '/tmp/said' });
  await program.kill();
  expect(await program.exited).toEqual({ exitCode: 143, signal: 'SIGTERM' });
  await vm.waitFor({ command: ['sh', '-c', 'test "$(cat /tmp/said)" = hello && rm /tmp/said'] });
  expect(await vm.info()).toMatchObject({
    name: 'web',
    state: 'Running',
    runtime: { cpuCount: 1 },
  });
}
