import { mkdtemp, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect } from 'vitest';
import { briefStep } from '../../support/brief-step.js';
import { countSteps } from '../../support/inject.js';
import { type LegacyCopy, type MigrationTarget, test as legacyTest } from './legacy-copy.js';

const PROJECT = fileURLToPath(new URL('../../..', import.meta.url));

const SOURCE = `
  import { migrate } from './src/vm/migrate/migrate.js';
  import { StoreLayout } from './src/store/layout.js';
  const [root, from] = process.argv.slice(2);
  const host = { env: {}, home: '/nonexistent' };
  const request = { layout: new StoreLayout(root), from, host, names: ['db'], mode: 'move' };
  await migrate({ ...request, dryRun: false });
`;

/** `program` moves the instance "db" to the store that is its first argument, in a process of its own. */
const test = legacyTest.extend<{ program: string }>({
  program: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      // Below node_modules, so that the packages, which stay outside the bundle, are found.
      const folder = await mkdtemp(join(PROJECT, 'node_modules', '.migrate-'));
      await build({
        stdin: { contents: SOURCE, resolveDir: PROJECT, loader: 'ts' },
        outfile: join(folder, 'migrate.mjs'),
        bundle: true,
        format: 'esm',
        platform: 'node',
        target: 'node20',
        packages: 'external',
      });
      await use(join(folder, 'migrate.mjs'));
      await rm(folder, { recursive: true });
    },
    { scope: 'file' },
  ],
});

/** The system calls of a move that change something or make it durable, each as one word. */
async function stepsOf(program: string, legacy: LegacyCopy, target: MigrationTarget) {
  const { root } = target.layout;
  const argv = [process.execPath, program, root, legacy.root] as const;
  const { steps, exitCode } = await countSteps({ root: dirname(root), argv: [...argv] });
  expect(exitCode).toBe(0);
  return steps.map(briefStep);
}

function isRemoval(step: string): boolean {
  return /^(?:unlink|rmdir) legacy/.test(step);
}

describe('nothing of the legacy data is deleted', () => {
  test('before the migrated instance is durable', async ({ program, legacy, target }) => {
    const steps = await stepsOf(program, legacy, target);
    const publish = steps.indexOf('rename store/staging/* store/instances/db');
    expect(publish).toBeGreaterThan(0);
    const removals = steps.filter(isRemoval);
    expect(removals.length).toBeGreaterThan(4);
    expect(removals.at(-1)).toBe('rmdir legacy/data/vault/instances/db');
    expect(steps.slice(publish + 1, steps.findIndex(isRemoval))).toContain('fsync store/instances');
    const before = steps.slice(0, publish);
    for (const file of [
      'disk.qcow2',
      'spec.json',
      'cloud-init-config.iso',
      'snapshots/0001.json',
    ]) {
      expect(before).toContain(`fsync store/staging/*/${file}`);
    }
    expect(before).toContain('fsync store/keys');
  });

  test('before an instance is durable that an earlier run published', async ({
    program,
    legacy,
    target,
  }) => {
    await target.migrateOne('db');
    const steps = await stepsOf(program, legacy, target);
    const first = steps.findIndex(isRemoval);
    expect(first).toBeGreaterThan(0);
    expect(steps.slice(0, first)).toContain('fsync store/instances');
  });
});
