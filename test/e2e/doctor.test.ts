import { mkdir, rm, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { fingerprint } from '../support/fingerprint.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { multipass } from '../support/command.js';

const ENV = { MULTIPASS_ACCELERATOR: 'tcg' };

interface Report {
  readonly healthy: boolean;
  readonly findings: readonly { readonly code: string; readonly path: string | null }[];
}

/** What is found in the store; what the machine is like is another matter. */
function ofStore(stdout: string): string[] {
  const { findings } = JSON.parse(stdout) as Report;
  return findings.flatMap(({ code, path }) => (path === null ? [] : [`${code} ${path}`]));
}

describe('multipass doctor', () => {
  test('says what is wrong, changes nothing, and mends with --fix', async ({ root, store }) => {
    const { layout } = store;
    const doctor = (...args: string[]) =>
      multipass(['doctor', '--format', 'json', ...args], { store: root, env: ENV });
    await makeInstance(layout, 'web', { data: 0 });
    await makeInstance(layout, 'db', { data: 0 });
    expect(ofStore((await doctor()).stdout)).toEqual([]);

    await mkdir(layout.staged('abc'));
    await rm(layout.macs, { recursive: true });
    const before = await fingerprint(root);
    const told = await doctor();
    expect(ofStore(told.stdout)).toEqual(['unknown-file staging/abc', 'folder-missing macs']);
    expect(told).toMatchObject({ stderr: '', exitCode: 2 });
    expect(await fingerprint(root)).toEqual(before);

    const fixed = await doctor('--fix');
    expect(JSON.parse(fixed.stdout)).toMatchObject({
      findings: expect.arrayContaining([
        expect.objectContaining({ code: 'folder-missing', path: 'macs', fixed: true }),
      ]) as unknown,
    });
    expect(ofStore((await doctor('--fix')).stdout)).toEqual(['unknown-file staging/abc']);
  });

  test('exits with 2 for a damage that it cannot mend', async ({ root, store: { layout } }) => {
    await makeInstance(layout, 'web', { data: 0 });
    await writeFile(layout.instance('web').spec, '{');
    const { stdout, exitCode } = await multipass(['doctor', '--fix'], { store: root, env: ENV });
    expect(exitCode).toBe(2);
    expect(stdout).toContain(`error: cannot read "${layout.instance('web').spec}": not valid JSON`);
  });
});
