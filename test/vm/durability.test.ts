import { writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { recordText } from '../../src/files/record.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { encodePending } from '../../src/vm/records/pending-record.js';
import { briefStep } from '../support/brief-step.js';
import { countSteps } from '../support/inject.js';
import { makeInstance } from '../support/store-fixture.js';
import { test } from '../support/worker-fixture.js';

/** What a command does to the store, in its order; the random part of a base's name is a star. */
async function stepsOf({ root }: StoreLayout, program: string, command: string): Promise<string[]> {
  const argv = [process.execPath, program, 'perform', root, command, 'web'] as const;
  const { steps, exitCode } = await countSteps({ root, argv: [...argv] });
  expect(exitCode).toBe(0);
  return steps.map((step) => briefStep(step).replaceAll(/base-[0-9a-f]{32}/g, 'base-*'));
}

describe('a power cut finds', () => {
  test('a frozen head whole, under a second name, before the first one is another file', async ({
    store: { layout },
    program,
  }) => {
    await makeInstance(layout, 'web', { data: 1 });
    const steps = await stepsOf(layout, program, 'cloneLinked');
    const link = steps.findIndex((step) => /^link\S* .*instances\/web\/base-\*\.qcow2$/.test(step));
    const move = steps.findIndex((step) => /^rename .* instances\/web\/disk\.qcow2$/.test(step));
    expect(link).toBeGreaterThan(0);
    expect(move).toBeGreaterThan(link);
    const between = steps.slice(link + 1, move);
    expect(between).toContain('fsync instances/web/base-*.qcow2');
    expect(between.slice(between.indexOf('fsync instances/web/base-*.qcow2'))).toContain(
      'fsync instances/web',
    );
    expect(steps[move + 1]).toBe('fsync instances/web');
  });

  test('a renamed instance under its new name once that was said', async ({
    store: { layout },
    program,
  }) => {
    await makeInstance(layout, 'web', { data: 0 });
    const steps = await stepsOf(layout, program, 'rename');
    const move = steps.indexOf('rename instances/web instances/data');
    expect(move).toBeGreaterThan(0);
    expect(steps.slice(move)).toContain('fsync instances');
  });

  test('the disk as an operation in place left it, once that is no longer pending', async ({
    store: { layout },
    program,
  }) => {
    const dir = await makeInstance(layout, 'web', { data: 0, tags: 1 });
    const step = { operation: 'delete-snapshot', tag: '@s1' } as const;
    const pending = encodePending({ step, spec: null, snapshots: new Map() });
    await writeFile(dir.pending, recordText(pending));
    const { root } = layout;
    const argv = [process.execPath, program, 'perform', root, 'clone', 'web'] as const;
    const traced = await countSteps({ root, argv: [...argv] });
    // Not made brief, for qemu-img calls fdatasync(2), and what is looked for is ours.
    const steps = traced.steps.map(({ syscall, paths }) => [syscall, ...paths].join(' '));
    const end = steps.findIndex((step) => /^unlink.* instances\/web\/pending\.json$/.test(step));
    const change = steps.slice(0, end).lastIndexOf('pwrite64 instances/web/disk.qcow2');
    expect(change).toBeGreaterThan(0);
    expect(steps.slice(change, end)).toContain('fsync instances/web/disk.qcow2');
  });
});
