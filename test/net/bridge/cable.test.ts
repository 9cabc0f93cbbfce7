import { describe, expect } from 'vitest';
import { machineIn, test, type MadeBridge } from './bridge-fixture.js';

const TAP = 'mp0123456789-0';

describe('layCable', () => {
  test('gives a machine a tap in its own network, and the host the other end, without addresses', async ({
    ns,
    folder,
    work,
  }) => {
    const { bridge } = await work<MadeBridge>('ensureBridge', { folder });
    await using machine = await machineIn(ns);
    for (const [index, tap] of [TAP, 'mp0123456789-1'].entries()) {
      await work('layCable', { tap, pid: machine.pid, index });
      await work('plugIn', { tap, bridge });
    }
    expect(await work('portsOf', { bridge })).toEqual([TAP, 'mp0123456789-1']);
    const there = (...words: string[]): Promise<{ stdout: string }> =>
      ns.run('nsenter', ['-t', String(machine.pid), '-n', 'ip', '-brief', ...words]);
    const { stdout: links } = await there('link');
    expect(
      links
        .trimEnd()
        .split('\n')
        .map((line) => line.split(/[\s@]/)[0]),
    ).toEqual(
      expect.arrayContaining([TAP, 'out0', 'inside0', 'mp0123456789-1', 'out1', 'inside1']),
    );
    const { stdout: addresses } = await there('address');
    expect(addresses).not.toMatch(/[0-9a-f]+[.:][0-9a-f.:]+\/\d/);
    // Two cards are two networks.
    const { stdout: first } = await there('link', 'show', 'master', 'inside0');
    expect(first).not.toMatch(/out1|-1/);
  });

  test('leaves an interface alone that has the name already', async ({ ns, work }) => {
    await ns.run('ip', ['tuntap', 'add', TAP, 'mode', 'tap']);
    await using machine = await machineIn(ns);
    await expect(work('layCable', { tap: TAP, pid: machine.pid, index: 0 })).rejects.toMatchObject({
      code: 'NETWORK_FAILED',
      message: `the interface "${TAP}" of this host is in use`,
    });
    const { stdout } = await ns.run('ip', ['-detail', 'link', 'show', TAP]);
    expect(stdout).toContain('tun type tap');
  });

  test('takes the place of one that was never plugged in, whose namespace lives on', async ({
    ns,
    work,
  }) => {
    await using ended = await machineIn(ns);
    await work('layCable', { tap: TAP, pid: ended.pid, index: 0 });
    await using machine = await machineIn(ns);
    await work('layCable', { tap: TAP, pid: machine.pid, index: 0 });
    const links = async (pid: number) =>
      (await ns.run('nsenter', ['--target', String(pid), '--net', '--', 'ip', 'link'])).stdout;
    expect(await links(machine.pid)).toContain('out0');
    expect(await links(ended.pid)).not.toContain('out0');
  });
});
