import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test as base } from 'vitest';
import { canOpen, kvmRunsGuests, probeArguments } from '../../src/qemu/accelerator.js';
import { PROBE_EXIT_CODE, probeGuest } from '../../src/qemu/probe-guest.js';

const test = base.extend<{ folder: string; fake: (script: string) => Promise<string> }>({
  // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
  folder: async ({}, use) => {
    const folder = await mkdtemp(join(tmpdir(), 'multipass-ts-accelerator-'));
    await use(folder);
    await rm(folder, { recursive: true, force: true });
  },
  fake: async ({ folder }, use) => {
    await use(async (script) => {
      const path = join(folder, 'qemu-system-x86_64');
      await writeFile(path, `#!/bin/sh\n${script}\n`);
      await chmod(path, 0o755);
      return path;
    });
  },
});

async function exitCodeWith(folder: string, guest: Buffer): Promise<number> {
  await writeFile(join(folder, 'probe.raw'), guest);
  const args = [...probeArguments('tcg', 'probe.raw'), '-no-reboot'];
  const qemu = spawn('qemu-system-x86_64', args, { cwd: folder, stdio: 'ignore' });
  const [code] = (await once(qemu, 'exit')) as [number];
  return code;
}

describe('the probe guest', () => {
  test('runs to its end where guests run', async ({ folder }) => {
    expect(await exitCodeWith(folder, probeGuest())).toBe(PROBE_EXIT_CODE);
  });

  test('says something else when it does not get there', async ({ folder }) => {
    const guest = probeGuest();
    // A far jump into nowhere: with nothing to catch the fault, the machine resets.
    guest.writeUInt16LE(0x00_00, guest.indexOf(0xea) + 3);
    expect(await exitCodeWith(folder, guest)).not.toBe(PROBE_EXIT_CODE);
  });

  test('is one boot sector', () => {
    expect(probeGuest()).toHaveLength(512);
    expect(probeGuest().readUInt16LE(510)).toBe(0xaa55);
  });
});

describe('kvmRunsGuests', () => {
  test('believes a QEMU that ends as the guest wants, and leaves nothing behind', async ({
    fake,
    folder,
  }) => {
    const program = await fake(
      `printf '%s\\n' "$@" $PWD >${folder}/asked; exit ${PROBE_EXIT_CODE}`,
    );
    expect(await kvmRunsGuests({ program })).toBe(true);
    const asked = (await readFile(join(folder, 'asked'), 'utf8')).trim().split('\n');
    expect(asked.slice(asked.indexOf('-accel')).slice(0, 4)).toEqual([
      '-accel',
      'kvm',
      '-cpu',
      'host',
    ]);
    const home = asked.at(-1)!;
    await expect(readdir(home)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test.for([
    ['fails', 'echo "failed to set MSR 0x10a" >&2; exit 1'],
    ['ends well, which no probe does', 'exit 0'],
    ['crashes', 'kill -ABRT $$'],
  ] as const)('counts hardware as broken when QEMU %s', async ([, script], { fake }) => {
    expect(await kvmRunsGuests({ program: await fake(script) })).toBe(false);
  });

  test('counts hardware as broken when the guest hangs, and kills it', async ({ fake, folder }) => {
    const program = await fake(`echo $$ >${folder}/pid; exec sleep 60`);
    expect(await kvmRunsGuests({ program, timeoutMs: 200 })).toBe(false);
    const pid = Number(await readFile(join(folder, 'pid'), 'utf8'));
    expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  });

  test('can be interrupted, and knows a QEMU that is not there', async ({ fake, folder }) => {
    const program = await fake('exec sleep 60');
    const signal = AbortSignal.timeout(100);
    const probe = kvmRunsGuests({ program, signal });
    await expect(probe).rejects.toMatchObject({ code: 'ABORTED' });
    const missing = join(folder, 'none', 'qemu-system-x86_64');
    await expect(kvmRunsGuests({ program: missing })).rejects.toMatchObject({
      code: 'TOOL_MISSING',
    });
  });

  test('has no guest for other processors, and takes their hardware as it is', async () => {
    expect(await kvmRunsGuests({ program: 'qemu-system-aarch64' })).toBe(true);
  });
});

test('hardware can be used when its device can be opened', async ({ folder }) => {
  const device = join(folder, 'kvm');
  expect(await canOpen(device)).toBe(false);
  await writeFile(device, '');
  expect(await canOpen(device)).toBe(true);
});
