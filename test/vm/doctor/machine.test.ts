import { chmod, mkdir, symlink, utimes, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { afterEach, describe, expect, vi } from 'vitest';
import { findProgram } from '../../../src/process/programs.js';
import type { StoreLayout } from '../../../src/store/layout.js';
import { examineMachine } from '../../../src/vm/doctor/machine.js';
import { Work } from '../../../src/work.js';
import { fingerprint } from '../../support/fingerprint.js';
import { test } from '../../support/store-fixture.js';

const ENV = { MULTIPASS_ACCELERATOR: 'tcg' };

async function examine(layout: StoreLayout, options: { online?: boolean; env?: object } = {}) {
  const { online = false, env = {} } = options;
  const request = { layout, work: Work.of(), env: { ...ENV, ...env }, online };
  const { machine, found } = await examineMachine(request);
  return { machine, findings: found.map(({ finding }) => finding) };
}

/** A folder for PATH with these programs alone. */
async function pathWith(root: string, programs: readonly string[]): Promise<string> {
  const folder = join(dirname(root), 'bin');
  await mkdir(folder);
  for (const program of programs) await symlink(findProgram(program)!, join(folder, program));
  vi.stubEnv('PATH', folder);
  return folder;
}

afterEach(() => {
  vi.unstubAllEnvs();
});

describe('doctor, of the machine', () => {
  test('tells what there is, and writes nothing', async ({ store: { layout } }) => {
    const before = await fingerprint(layout.root);
    const { machine, findings } = await examine(layout);
    expect(machine.accelerator).toBe('tcg');
    expect(machine.fileSystem?.freeBytes).toBeGreaterThan(0);
    expect(findings.every(({ path, instance }) => path === null && instance === null)).toBe(true);
    expect(await fingerprint(layout.root)).toEqual(before);
  });

  test('names programs that are missing, and what to install', async ({ root, store }) => {
    await pathWith(root, ['cp', 'sync', 'true', 'split', 'mkfifo']);
    const { machine, findings } = await examine(store.layout);
    const missing = findings.filter(({ kind }) => kind === 'program-missing');
    expect(missing.map(({ message }) => message)).toContain(
      'the program "qemu-img" is not installed',
    );
    expect(missing.find(({ message }) => message.includes('"flock"'))?.hint).toContain(
      'util-linux',
    );
    expect(findings.map(({ message }) => message)).toContain(
      'the program "bwrap" is not installed',
    );
    expect(machine).toMatchObject({ accelerator: null, sandbox: false });
  });

  test('names what bridges need only where they are used', async ({ root, store: { layout } }) => {
    await pathWith(root, ['cp']);
    const programs = async (): Promise<string[]> =>
      (await examine(layout)).findings.map(({ message }) => message);
    expect(await programs()).not.toContain('the program "dnsmasq" is not installed');
    await writeFile(layout.settingsFile, '{"local.network": "bridge"}');
    expect(await programs()).toContain('the program "dnsmasq" is not installed');
    expect(await programs()).toContain('the program "nft" is not installed');
  });

  test('names a program that is too old', async ({ root, store: { layout } }) => {
    const folder = await pathWith(root, ['cp']);
    await writeFile(join(folder, 'qemu-img'), '#!/bin/sh\necho qemu-img version 5.2.0\n');
    await chmod(join(folder, 'qemu-img'), 0o755);
    const { findings } = await examine(layout);
    expect(findings).toContainEqual(
      expect.objectContaining({ kind: 'program-old', severity: 'warning', fixable: false }),
    );
  });

  test('tells that the clock is behind the store', async ({ store: { layout } }) => {
    const kinds = async (): Promise<string[]> =>
      (await examine(layout)).findings.map(({ kind }) => kind);
    expect(await kinds()).not.toContain('clock-behind');
    const later = new Date(Date.now() + 3_600_000);
    await utimes(layout.formatFile, later, later);
    expect(await kinds()).toContain('clock-behind');
  });

  test('asks the image server only when it is told to', async ({ store: { layout } }) => {
    const env = { MULTIPASS_IMAGE_MIRROR: 'http://127.0.0.1:1/' };
    const kinds = async (online: boolean): Promise<string[]> =>
      (await examine(layout, { online, env })).findings.map(({ kind }) => kind);
    expect(await kinds(false)).not.toContain('image-server-unreachable');
    expect(await kinds(true)).toContain('image-server-unreachable');
  });

  test('has no file system to tell of where there is no store', async ({ root }) => {
    const { StoreLayout } = await import('../../../src/store/layout.js');
    const { machine } = await examine(new StoreLayout(root));
    expect(machine.fileSystem).toBeNull();
  });
});
