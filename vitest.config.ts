import { defineConfig } from 'vitest/config';

const everything = process.env['MULTIPASS_TEST_ALL'] === '1';

export default defineConfig({
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/reporter.ts'],
    restoreMocks: true,
    unstubEnvs: true,
    maxWorkers: 2,
    include: everything ? ['test/**/*.test.ts', 'test/**/*.long.ts'] : ['test/**/*.test.ts'],
  },
});
