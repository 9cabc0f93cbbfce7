import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  truncate,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../src/process/run.js';
import { forEachCrashPoint, type CrashScenario } from './crash-points.js';
import {
  copyAtSyncs,
  countSteps,
  failAt,
  killAt,
  shortenAt,
  type Step,
  type TracedCommand,
} from '../support/inject.js';

/** Sync and async calls, which Node makes in different threads, noise of other files, and a program. */
const SCRIPT = `
import { execFile } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { open, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const [root, noise, short] = process.argv.slice(2);
mkdirSync(root + '/d');
const handle = await open(root + '/d/f', 'wx');
await writeFile(noise, 'not below the root');
await handle.write('hello');
await handle.sync();
await handle.close();
if (short !== undefined) process.exit();
await rename(root + '/d/f', root + '/d/g');
await readFile(root + '/d/g');
try {
  await promisify(execFile)('cp', ['--reflink=never', root + '/d/g', root + '/d/h']);
} catch {
  await rm(root + '/d/h', { force: true });
  process.exitCode = 3;
}
`;

const STEPS = [
  'main mkdir d',
  'main openat d/f',
  'main write d/f',
  'main fsync d/f',
  'main rename d/f d/g',
  'cp openat d/h',
  'cp write d/h',
];
const FIRST_OF_CP = 5;

/** What the folder holds, with sizes, after the first N steps. */
const AFTER = [
  [],
  ['d'],
  ['d', 'd/f 0'],
  ['d', 'd/f 5'],
  ['d', 'd/f 5'],
  ['d', 'd/g 5'],
  ['d', 'd/g 5', 'd/h 0'],
  ['d', 'd/g 5', 'd/h 5'],
];

let work: string;
let count = 0;

beforeAll(async () => {
  work = await realpath(await mkdtemp(join(tmpdir(), 'inject-')));
  await writeFile(join(work, 'script.mjs'), SCRIPT);
});

afterAll(async () => {
  await rm(work, { recursive: true });
});

async function freshRoot(): Promise<string> {
  const root = join(work, `root-${(count += 1)}`);
  await mkdir(root);
  return root;
}

function commandIn(root: string, ...more: string[]): TracedCommand {
  return { root, argv: ['node', join(work, 'script.mjs'), root, `${root}.noise`, ...more] };
}

async function contentOf(root: string): Promise<string[]> {
  const names = await readdir(root, { recursive: true });
  const lines = names.map(async (name) => {
    const entry = await stat(join(root, name));
    return entry.isDirectory() ? name : `${name} ${entry.size}`;
  });
  return (await Promise.all(lines)).sort();
}

function brief(steps: readonly Step[]): string[] {
  return steps.map(({ process, syscall, paths }) => [process, syscall, ...paths].join(' '));
}

describe('countSteps', () => {
  it('tells the calls of all threads and programs below the root, in their order', async () => {
    const root = await freshRoot();
    const clean = await countSteps(commandIn(root));
    expect(brief(clean.steps)).toEqual(STEPS);
    expect(clean).toMatchObject({ fired: false, exitCode: 0, signal: null });
    expect(await contentOf(root)).toEqual(AFTER.at(-1));
  });

  it('sees what strace sees', async () => {
    const root = await freshRoot();
    const log = `${root}.strace`;
    await run('strace', ['-fy', '-e', 'trace=file,desc', '-o', log, ...commandIn(root).argv]);
    const changing =
      /^\d+ +(mkdir|rename|fsync|p?write(?:64|v)?|openat)\((.*(?:O_WRONLY|O_RDWR|"hello").*|(?!AT_FDCWD).*)$/;
    const seen = (await readFile(log, 'utf8'))
      .split('\n')
      .filter((line) => line.includes(`${root}/d`))
      .flatMap((line) => changing.exec(line)?.[1] ?? []);
    expect(seen).toEqual(STEPS.map((step) => step.split(' ')[1]));
  });

  it('ends a run that takes too long, with all its processes', async () => {
    const command: TracedCommand = {
      root: await freshRoot(),
      argv: ['sh', '-c', 'sleep 1000 & wait'],
      timeoutMs: 300,
    };
    await expect(countSteps(command)).rejects.toThrow('after 300 ms');
  });

  it('tells when the command cannot be run', async () => {
    const command: TracedCommand = { root: await freshRoot(), argv: ['/no/such/program'] };
    expect(await countSteps(command)).toMatchObject({ exitCode: 1, steps: [] });
  });
});

describe('killAt', () => {
  it.each(STEPS.map((name, step) => ({ name, step })))(
    'leaves exactly the first $step steps done when all die in "$name"',
    async ({ step }) => {
      const root = await freshRoot();
      const killed = await killAt(commandIn(root), { step, victim: 'all' });
      expect(killed).toMatchObject({ fired: true, exitCode: null, signal: 'SIGKILL' });
      expect(brief(killed.steps)).toEqual(STEPS.slice(0, step + 1));
      expect(await contentOf(root)).toEqual(AFTER[step]);
    },
  );

  it('lets a program go on to its end when only the command dies', async () => {
    const root = await freshRoot();
    const killed = await killAt(commandIn(root), { step: FIRST_OF_CP, victim: 'main' });
    expect(killed).toMatchObject({ fired: true, signal: 'SIGKILL' });
    expect(await contentOf(root)).toEqual(AFTER.at(-1));
  });

  it('lets the command clean up when only its program dies', async () => {
    const root = await freshRoot();
    const killed = await killAt(commandIn(root), { step: FIRST_OF_CP + 1, victim: 'child' });
    expect(killed).toMatchObject({ fired: true, exitCode: 3 });
    expect(brief(killed.steps).at(-1)).toBe('main unlink d/h');
    expect(await contentOf(root)).toEqual(AFTER[FIRST_OF_CP]);
  });

  it.each([
    { name: 'there is no such step', step: STEPS.length, victim: 'all' as const },
    { name: 'the child to kill is the command itself', step: 0, victim: 'child' as const },
  ])('says that nothing was injected when $name', async ({ step, victim }) => {
    const run = await killAt(commandIn(await freshRoot()), { step, victim });
    expect(run).toMatchObject({ fired: false, exitCode: 0 });
  });
});

describe('failAt', () => {
  it('makes one call fail without effect', async () => {
    const root = await freshRoot();
    const write = STEPS.indexOf('main write d/f');
    const failed = await failAt(commandIn(root), { step: write, error: 'ENOSPC' });
    expect(failed).toMatchObject({ fired: true, exitCode: 1 });
    expect(failed.stderr).toContain('ENOSPC: no space left on device, write');
    expect(await contentOf(root)).toEqual(AFTER[write]);
  });

  it('reaches into a program', async () => {
    const root = await freshRoot();
    const failed = await failAt(commandIn(root), { step: FIRST_OF_CP, error: 'EIO' });
    expect(failed).toMatchObject({ fired: true, exitCode: 3 });
    expect(await contentOf(root)).toEqual(AFTER[FIRST_OF_CP]);
  });
});

describe('shortenAt', () => {
  it('lets a call write half, after which Node writes the rest', async () => {
    const root = await freshRoot();
    const step = STEPS.indexOf('main write d/f');
    const short = await shortenAt(commandIn(root), { step });
    expect(short).toMatchObject({ fired: true, exitCode: 0 });
    const [before, after] = [STEPS.slice(0, step + 1), STEPS.slice(step)];
    expect(brief(short.steps)).toEqual([...before, ...after]);
    expect(await contentOf(root)).toEqual(AFTER.at(-1));
  });

  it('reaches into a program, which writes the rest', async () => {
    const root = await freshRoot();
    const short = await shortenAt(commandIn(root), { step: STEPS.indexOf('cp write d/h') });
    expect(short).toMatchObject({ fired: true, exitCode: 0 });
    expect(short.steps.length).toBe(STEPS.length + 1);
    expect(await contentOf(root)).toEqual(AFTER.at(-1));
  });

  it('says that nothing was injected into a call that writes nothing', async () => {
    const run = await shortenAt(commandIn(await freshRoot()), { step: 0 });
    expect(run).toMatchObject({ fired: false, exitCode: 0 });
  });
});

describe('copyAtSyncs', () => {
  it('copies a file as it is after each sync and rename, and leaves holes out', async () => {
    const [root, to] = [await freshRoot(), await freshRoot()];
    const copy = `${root}.disk`;
    await writeFile(copy, 'hello');
    await truncate(copy, 8 * 1024 ** 2);
    const { exitCode } = await copyAtSyncs(commandIn(root), { copy, to });
    expect(exitCode).toBe(0);
    const done = (call: string): number => STEPS.indexOf(call) + 1;
    const names = [done('main fsync d/f'), done('main rename d/f d/g')].map(String);
    expect((await readdir(to)).sort()).toEqual(names);
    for (const name of names) {
      expect((await readFile(join(to, name))).equals(await readFile(copy))).toBe(true);
      expect((await stat(join(to, name))).blocks * 512).toBeLessThan(1024 ** 2);
    }
  });
});

describe('forEachCrashPoint', () => {
  const shell = (root: string, script: string): TracedCommand => ({
    root,
    cwd: root,
    argv: ['sh', '-c', script],
  });
  const scenario: CrashScenario<string> = {
    prepare: freshRoot,
    command: (root) => shell(root, 'echo hello >f; mkdir d; true'),
    check: () => Promise.resolve(),
    dispose: (root) => rm(root, { recursive: true }),
  };

  it('strikes in every step in every way, each time in a fresh context', async () => {
    const met: string[] = [];
    const figures = await forEachCrashPoint(
      {
        ...scenario,
        check: async (root, { step, strike }) => {
          met.push(`${step} ${strike}: ${(await contentOf(root)).join(', ')}`);
        },
      },
      { errors: ['EIO'] },
    );
    expect(figures.retried).toBe(0);
    expect(brief(figures.steps)).toEqual(['main openat f', 'main write f', 'mkdir mkdir d']);
    expect(
      figures.hits.map(({ number, strike, step }) => `${number} ${strike} ${step.syscall}`).sort(),
    ).toEqual([
      '0 EIO openat',
      '0 main openat',
      '1 EIO write',
      '1 main write',
      '2 EIO mkdir',
      '2 all mkdir',
      '2 child mkdir',
      '2 main mkdir',
    ]);
    expect(met.sort()).toEqual([
      '0 EIO: d',
      '0 main: ',
      '1 EIO: d, f 0',
      '1 main: f 0',
      '2 EIO: f 6',
      '2 all: f 6',
      '2 child: f 6',
      '2 main: d, f 6',
      'null none: d, f 6',
    ]);
  });

  it('names each point whose check fails', async () => {
    const failing: CrashScenario<string> = {
      ...scenario,
      check: (_root, { strike }) =>
        strike === 'none' ? Promise.resolve() : Promise.reject(new Error('half a thing')),
    };
    await expect(forEachCrashPoint(failing, { every: 2 })).rejects.toThrow(
      /4 of 4 crash points failed:[^]*step 0 \(openat f of main\), main: half a thing/,
    );
  });

  it('reports a point that never fires', async () => {
    let runs = 0;
    const shrinking: CrashScenario<string> = {
      ...scenario,
      command: (root) => {
        runs += 1;
        return runs === 1 ? scenario.command(root) : shell(root, 'echo hello >f');
      },
    };
    await expect(forEachCrashPoint(shrinking, { every: 2 })).rejects.toThrow(
      /3 of 4 crash points failed:\n {2}step 2 .*: the run ended before this step, 3 times/,
    );
    expect(runs).toBe(1 + 1 + 3 * 3);
  });
});
