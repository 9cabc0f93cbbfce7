import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** A test, with what it costs. */
export interface GuardTest {
  readonly file: string;
  readonly name: string;
  readonly ms: number;
}

/** The file in which it is noted which guards a test has come to. */
function hitsFile(folder: string, file: string, name: string): string {
  return join(folder, createHash('sha256').update(`${file}\0${name}`).digest('hex').slice(0, 24));
}

/** Runs before each test file of a workshop: what a test and its children come to is noted for that test. */
export const SETUP_TEXT = `
import { createHash } from 'node:crypto';
import { join, relative } from 'node:path';
import { beforeEach } from 'vitest';
const folder = process.env.MULTIPASS_MUTANT_HITS_IN;
const nameOf = (task) => (task.suite ? nameOf(task.suite) + ' ' : '') + task.name;
if (folder !== undefined) {
  beforeEach(({ task }) => {
    const file = relative(process.cwd(), task.file.filepath);
    const hash = createHash('sha256').update(file + '\\0' + nameOf(task)).digest('hex').slice(0, 24);
    process.env.MULTIPASS_MUTANT_HITS = join(folder, hash);
  });
}
`;

/** Vitest's settings in a workshop: those of the project, with that. */
export const CONFIG_TEXT = `
export default {
  test: {
    include: ['test/**/*.test.ts'],
    setupFiles: ['./guard-setup.js'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    restoreMocks: true,
    unstubEnvs: true,
  },
};
`;

interface Report {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly status: string;
      readonly fullName: string;
      readonly duration?: number;
    }[];
  }[];
}

/** The tests of a report that passed, and the names of those that did not. */
export function readReport(path: string): { passed: GuardTest[]; failed: string[] } {
  const { testResults } = JSON.parse(readFileSync(path, 'utf8')) as Report;
  const all = testResults.flatMap(({ name, assertionResults }) =>
    assertionResults.map((one) => ({ ...one, file: name.slice(name.lastIndexOf('/test/') + 1) })),
  );
  return {
    passed: all
      .filter(({ status }) => status === 'passed')
      .map(({ file, fullName, duration = 0 }) => ({ file, name: fullName, ms: duration })),
    failed: all
      .filter(({ status }) => status === 'failed')
      .map(({ file, fullName }) => `${file}: ${fullName}`),
  };
}

/** For each guard the tests that come to it, the quick ones first. */
export function testsOfGuards(
  folder: string,
  tests: readonly GuardTest[],
): Map<number, readonly GuardTest[]> {
  const found = new Map<number, GuardTest[]>();
  for (const test of [...tests].sort((a, b) => a.ms - b.ms)) {
    const path = hitsFile(folder, test.file, test.name);
    if (!existsSync(path)) continue;
    for (const id of new Set(readFileSync(path, 'utf8').split('\n').filter(Boolean).map(Number)))
      found.set(id, [...(found.get(id) ?? []), test]);
  }
  return found;
}

/** Names of files that end in `.test.ts`, in some folders and below them. */
export function testFilesIn(project: string, places: readonly string[]): string[] {
  return places.flatMap((place) =>
    place.endsWith('.ts')
      ? [place]
      : readdirSync(join(project, place))
          .filter((name) => name.endsWith('.test.ts'))
          .map((name) => join(place, name)),
  );
}
