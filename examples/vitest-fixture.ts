// Needs a guest: it starts three clones of one, two at a time, and the tests run it.
//
// A fixture for vitest: each test that asks for `vm` gets a running clone of its own, which is purged after it, whether
// it passed or not. The next one is made ready meanwhile. Set the instance "golden" up first (see
// golden-and-clones.ts): of a stopped one the clones boot, of a running or suspended one they go on from its memory. In
// a project, `test` is exported from a file of its own, and files of tests import it from there.
//
//   cp vitest-fixture.ts vm.test.ts && npx vitest run vm.test.ts
import { clonePool, openStore, type ClonePool, type VirtualMachine } from 'multipass-ts';
import { describe, expect, test as base } from 'vitest';

const TWO_MINUTES = 120_000;

const test = base.extend<{ pool: ClonePool; vm: VirtualMachine }>({
  pool: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      await using pool = clonePool(await openStore().get('golden'), { size: 2 });
      await use(pool);
    },
    { scope: 'file' },
  ],
  vm: async ({ pool }, use) => {
    await using vm = await pool.acquire();
    await use(vm);
  },
});

describe('the application', { timeout: TWO_MINUTES }, () => {
  test('has its version', async ({ vm }) => {
    const { stdout } = await vm.exec(['cat', '/etc/app-version'], { check: true });
    expect(stdout).toBe('1.0\n');
  });

  test('may be broken, and is whole again in the next test', async ({ vm }) => {
    await vm.exec(['rm', '/etc/app-version'], { user: 'root', check: true });
    const { exitCode } = await vm.exec(['cat', '/etc/app-version']);
    expect(exitCode).not.toBe(0);
  });
});
