import { availableParallelism } from 'node:os';
import { defineConfig } from 'vitest/config';

const everything = process.env['MULTIPASS_TEST_ALL'] === '1';
const quick = process.env['MULTIPASS_TEST_QUICK'] === '1';

const ends = everything ? '{test,long}.ts' : 'test.ts';

/** What `npm run test:quick` leaves to the other runs: it takes long, by what it is about. */
const SLOW: readonly string[] = [
  // Networks of their own, with servers that are waited for.
  'test/net/bridge/*.test.ts',
  // File systems of their own: full ones, read-only ones, those that share extents.
  'test/vm/disks/copy-disk.test.ts',
  'test/vm/clone/disk-full.test.ts',
  'test/vm/clone/linked.test.ts',
  'test/store/read-only.test.ts',
  // Many processes, one against the other, or one killed after the other.
  'test/vm/{lineage,pending}/*.test.ts',
  'test/vm/mounts/keeper.test.ts',
  'test/vm/guest/{ssh-banner,turned-away}.test.ts',
  'test/process/run.test.ts',
  // The built command, started again and again.
  'test/e2e/*.test.ts',
  'test/cli/code-cache/*.test.ts',
  // Formats, compared with those who know them, or byte by byte.
  'test/files/json.test.ts',
  'test/process/set-id-filter.test.ts',
  'test/qemu/{disk-format,qcow2-header}.test.ts',
  'test/vm/seed/{iso9660-reader,identity-hook}.test.ts',
  'test/vm/seed/py-yaml/check.test.ts',
  // Many commands, simulated, and by real processes.
  'test/{simulation,races}/*.test.ts',
  // Locks that are waited for.
  'test/store/{lock,staging,trash}.test.ts',
  // Whole disks, from end to end.
  'test/qemu/{qemu-img-convert,qemu-img,start-qemu}.test.ts',
  'test/vm/disks/own-disk.test.ts',
  'test/vm/{delete-instance,list-instances,open,copies,read-instance}.test.ts',
  'test/vm/clone/{overrides,refusals,rollback,policy,multipass-cases}.test.ts',
  'test/vm/launch/create-instance.test.ts',
  'test/fixtures/{demo,examples,readme}.test.ts',
  'test/vm/images/*.test.ts',
  'test/vm/migrate/*.test.ts',
  'test/vm/snapshots/*.test.ts',
  'test/vm/{flatten,rename}-instance.test.ts',
  'test/vm/clone/{abort,from-snapshot,long-chains,many,many-at-once,dry-run}.test.ts',
  'test/vm/settings/update-instance.test.ts',
];

const within = (...folders: readonly string[]): string[] =>
  folders.map((folder) => `test/${folder}/**/*.${ends}`);

/** Folders that are a project of their own, or part of one; whatever else is in `test` is `unit`. */
const GUESTS = 'e2e/guests';
const COMMAND = ['e2e', 'fixtures', 'house'];
const CRASH = 'crash';

/** Vitest's own default leaves one core to itself: on two cores that would be one file at a time. */
const WORKERS = Math.max(2, availableParallelism());

/** What runs on the binary, too, whenever all runs on Node; `test:all` runs all of it on both. */
const ON_BINARY = [
  'test/e2e/{gone-folder,held-lock,install,interrupt,standard-streams,terminal,working-folder}.test.ts',
  'test/crash/{clone,snapshot}.test.ts',
];
const isAllOnBinary = process.env['MULTIPASS_TEST_BIN'] === 'binary';

const ON_THE_BINARY = {
  extends: true as const,
  test: { name: 'binary', include: ON_BINARY, env: { MULTIPASS_TEST_BIN: 'binary' } },
};

/** A guest wants a core and half a gigabyte for itself; they come when the others are done. */
const WITH_GUESTS = { maxWorkers: 2, sequence: { groupOrder: 1 } };

/** A guest's life, and one that is not root's. */
const GUESTS_ON_BINARY = ['test/e2e/guests/unprivileged.test.ts'];

const GUESTS_ON_THE_BINARY = {
  ...ON_THE_BINARY,
  test: { ...ON_THE_BINARY.test, name: 'binary-guests', include: GUESTS_ON_BINARY, ...WITH_GUESTS },
};

/** `npm run test:matrix`: hours, and so nothing else runs with it. */
const isMatrix = process.env['MULTIPASS_TEST_MATRIX'] !== undefined;
const THE_MATRIX = {
  extends: true as const,
  test: { name: 'matrix', include: ['test/matrix/matrix.ts'] },
};

/** `npm run test:simulation`: seeds of one's choice. */
const isSimulation = process.env['MULTIPASS_TEST_SIMULATION'] !== undefined;
const THE_SIMULATION = {
  extends: true as const,
  test: { name: 'simulation', include: ['test/simulation/replay.ts'] },
};

/** `npm run test:races`: as many rounds as one likes. */
const isRaces = process.env['MULTIPASS_TEST_RACES'] !== undefined;
const THE_RACES = {
  extends: true as const,
  test: { name: 'races', include: ['test/races/chosen.ts'] },
};

/** What runs by itself. */
const ALONE = [
  ...(isMatrix ? [THE_MATRIX] : []),
  ...(isSimulation ? [THE_SIMULATION] : []),
  ...(isRaces ? [THE_RACES] : []),
];

export default defineConfig({
  test: {
    maxWorkers: WORKERS,
    // The start of a process for each file would take most of the quick run's time.
    isolate: !quick,
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: ['default', './test/support/reporter.ts'],
    restoreMocks: true,
    unstubEnvs: true,
    projects:
      ALONE.length > 0
        ? ALONE
        : [
            {
              extends: true,
              test: {
                name: 'unit',
                include: [`test/**/*.${ends}`],
                exclude: [...within(...COMMAND, CRASH), ...(quick ? SLOW : [])],
              },
            },
            {
              extends: true,
              test: {
                name: 'command',
                include: within(...COMMAND),
                exclude: [...within(GUESTS), ...(quick ? SLOW : [])],
              },
            },
            { extends: true, test: { name: 'crash', include: within(CRASH) } },
            ...(quick || isAllOnBinary ? [] : [ON_THE_BINARY, GUESTS_ON_THE_BINARY]),
            {
              extends: true,
              test: { name: 'guests', include: within(GUESTS), ...WITH_GUESTS },
            },
          ],
  },
});
