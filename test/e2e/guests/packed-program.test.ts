import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, vi } from 'vitest';
import { run } from '../../../src/process/run.js';
import { compileExamples } from '../../support/compile-example.js';
import { packedProject } from '../../support/packed-project.js';
import { expectNothingLeft, processesIn, test, type GuestStore } from './support.js';

/** Six guests on few cores. */
vi.setConfig({ testTimeout: 600_000 });

const PROGRAM = 'golden-and-clones';
const MOST_LINES = 60;
const CLONES = 5;
const PAGE = '<p>hello from a clone</p>\n';
const SERVE = 'exec httpd -f -vv -p 8080 2>&1\n';

describe('a program of sixty lines, against the packed package', () => {
  const { folder } = packedProject();

  beforeAll(async () => {
    await mkdir(join(folder, 'site'));
    await writeFile(join(folder, 'site', 'index.html'), PAGE);
    await writeFile(join(folder, 'site', 'serve.sh'), SERVE);
    expect(await compileExamples(folder, [PROGRAM])).toBe('');
    const source = await readFile(join(folder, `${PROGRAM}.ts`), 'utf8');
    expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(MOST_LINES);
  });

  afterAll(() => rm(folder, { recursive: true, force: true }));

  const argsFor = ({ image }: GuestStore) => [`${PROGRAM}.js`, 'site', 'results', image];

  test('works in five linked clones side by side, and leaves nothing', async ({ guests }) => {
    const env = [`MULTIPASS_STORAGE=${guests.layout.root}`, process.execPath];
    const program = run('env', [...env, ...argsFor(guests)], { cwd: folder, okExitCodes: [0, 1] });
    const { stdout, stderr, exitCode } = await program;
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const jobs = ['alpha', 'beta', 'gamma', 'delta'];
    for (const job of jobs) {
      expect(stdout).toMatch(new RegExp(`^${job} \\| .*response:200$`, 'm'));
      expect(stdout).toMatch(new RegExp(`^${job}: \\S+-clone\\d$`, 'm'));
      expect(await readFile(join(folder, 'results', `${job}.html`), 'utf8')).toBe(PAGE);
    }
    expect(stdout).toMatch(/^broken: COMMAND_FAILED: "wget" in .* 404 Not Found$/m);
    expect((await readdir(join(folder, 'results'))).length).toBe(jobs.length);
    await expectNothingLeft(guests.layout);
  });

  test('leaves nothing when it is killed, after one more command', async ({ guests }) => {
    const program = spawn(process.execPath, argsFor(guests), {
      cwd: folder,
      env: { ...process.env, MULTIPASS_STORAGE: guests.layout.root },
      stdio: 'ignore',
    });
    const running = () =>
      processesIn(guests.layout).filter(({ program: name }) => name.startsWith('qemu-system'));
    await vi.waitFor(() => expect(running()).toHaveLength(CLONES), {
      timeout: 300_000,
      interval: 100,
    });
    program.kill('SIGKILL');
    await once(program, 'exit');
    expect(running().length).toBe(CLONES);
    await guests.ok(['purge']);
    await expectNothingLeft(guests.layout, {}, { wasKilled: true });
  });
});
