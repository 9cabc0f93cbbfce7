import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { allCommands } from '../../src/cli/commands/all.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { multipassInProcess } from '../support/in-process.js';

const FORWARD = { address: '127.0.0.1', host_port: 18_080, guest_port: 80, protocol: 'tcp' };

/**
 * What is done to a store with the instances `web` and `db`, one command after the other: the words, without
 * `--format json`, and what comes out.
 */
const STORY: readonly (readonly [words: string, json: object])[] = [
  [
    'snapshot web -n one -m first',
    { instance: 'web', snapshot: 'one', consistency: 'stopped', memory: false },
  ],
  ['restore -d web.one', { instance: 'web', snapshot: 'one', running: false }],
  ['clone web -n copy', expect.objectContaining({ source: 'web', dry_run: false })],
  ['rename copy other', { from: 'copy', to: 'other' }],
  ['flatten other', { flattened: 'other' }],
  ['delete other web.one --purge', { purged: ['web.one', 'other'] }],
  ['mount /tmp web:/srv web:/data', { mounted: [at('/srv'), at('/data')] }],
  ['umount web:/srv', { unmounted: [{ instance: 'web', target: '/srv' }] }],
  ['umount web:', { unmounted: [{ instance: 'web', target: '/data' }] }],
  ['forward web 18080:80', { instance: 'web', forwarded: [FORWARD], removed: [] }],
  ['forward web', { instance: 'web', forwards: [expect.objectContaining(FORWARD)] }],
  ['forward web --remove 18080', { instance: 'web', forwarded: [], removed: [FORWARD] }],
  ['set local.web.cpus=2', { key: 'local.web.cpus', value: '2' }],
  ['set local.passphrase=secret', { key: 'local.passphrase' }],
  ['alias web:dir d', { alias: 'd', instance: 'web', command: 'dir', working_directory: 'map' }],
  ['alias web:top t -n', expect.objectContaining({ alias: 't', working_directory: 'default' })],
  ['unalias d', { removed: ['d'] }],
  ['unalias --all', { removed: ['t'] }],
  ['prefer work', { context: 'work' }],
  ['stop web', { stopped: ['web'] }],
  ['stop --all', { stopped: [] }],
  ['restart --all', { restarted: [] }],
  ['suspend web', { suspended: ['web'] }],
  ['delete web db', { deleted: ['web', 'db'] }],
  ['recover web', { recovered: ['web'] }],
  ['purge --images', { purged: ['db'], images: [] }],
].map(([words, json]) => [words as string, json as object]);

function at(target: string): object {
  return { instance: 'web', source: '/tmp', target };
}

const parsed = (text: string): unknown => JSON.parse(text);

describe('with --format json', () => {
  test('each change tells on stdout what it has done', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web');
    await makeInstance(layout, 'db');
    for (const [words, json] of STORY) {
      const { stdout, exitCode } = await multipassInProcess(
        [...words.split(' '), '--format', 'json'],
        layout,
      );
      expect({ words, exitCode, json: parsed(stdout) }).toEqual({ words, exitCode: 0, json });
    }
  });

  test('a failure is on stdout, beside what was done before it', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web');
    const words = ['--format=json', 'delete', 'web', 'nope', 'neither'];
    const { stdout, stderr, exitCode } = await multipassInProcess(words, layout);
    expect(exitCode).toBe(2);
    const missing = (name: string) => ({
      code: 'INSTANCE_NOT_FOUND',
      message: `instance "${name}" does not exist`,
      hint: expect.stringContaining('multipass list') as string,
      details: { name },
    });
    expect(parsed(stdout)).toEqual({
      deleted: ['web'],
      error: {
        code: 'SEVERAL',
        message: expect.stringMatching(/^The following errors occurred:\n/) as string,
        hint: null,
        details: { errors: [missing('nope'), missing('neither')] },
      },
    });
    expect(stderr).toContain('delete failed: The following errors occurred:\n');
  });

  test.for<[words: string, message: string]>([
    ['stop --force --time 5 web', "Cannot set 'force' and 'time' options at the same time"],
    ['start --timeout x web', "error: Invalid timeout 'x': need a positive number of seconds."],
    ['clone web --nmae x', "Unknown option 'nmae'."],
    ['set a', 'Bad key-value format.'],
    ['transfer web:a -', 'Standard output cannot have a file and JSON'],
  ])('a wrong command line is told too: %s', async ([words, message], { store }) => {
    const result = await multipassInProcess(['--format=json', ...words.split(' ')], store.layout);
    expect(result.exitCode).toBe(1);
    expect(parsed(result.stdout)).toEqual({
      error: expect.objectContaining({ code: 'USAGE', message, details: {} }) as object,
    });
    expect(result.stderr).toMatch(`${message}\n`);
  });

  test('what belongs to the command that is run is not taken for it', async ({ store }) => {
    const words = ['exec', 'nope', '--', 'stop', '--format', 'json'];
    expect(await multipassInProcess(words, store.layout)).toMatchObject({ stdout: '' });
  });
});

test('without it a change is silent, and -v says what was done', async ({ store: { layout } }) => {
  await makeInstance(layout, 'web');
  const silent = { stdout: '', stderr: '', exitCode: 0 };
  expect(await multipassInProcess(['stop', 'web'], layout)).toEqual(silent);
  expect(await multipassInProcess(['delete', 'web'], layout)).toEqual(silent);
  expect(await multipassInProcess(['recover', '-v', 'web'], layout)).toEqual({
    ...silent,
    stderr: '[info] [recover] recovered: web\n',
  });
});

test('an image is imported and removed', async ({ store: { layout }, root }) => {
  const file = join(root, 'disk.raw');
  await writeFile(file, Buffer.alloc(1 << 20));
  const run = async (...words: readonly string[]) => {
    const { stdout, exitCode } = await multipassInProcess(
      ['image', ...words, '--format', 'json'],
      layout,
    );
    expect(exitCode).toBe(0);
    return parsed(stdout) as { imported?: string };
  };
  const { imported = '' } = await run('import', file, '--image-format', 'raw');
  expect(await run('import', file, '--image-format', 'raw')).toEqual({ imported, is_new: false });
  expect(await run('remove', imported.slice(0, 12))).toEqual({ removed: [imported] });
});

/** Those that only look, that run something, or that there is nothing to do for. */
const OTHERS = [
  ...['aliases', 'authenticate', 'completion', 'exec', 'find', 'get', 'help', 'info', 'list'],
  ...[
    'console',
    'forwards',
    'logs',
    'network',
    'networks',
    'shell',
    'tree',
    'version',
    'wait-ready',
    '__complete',
    '__connect',
    '__end-live',
  ],
  // Its report is JSON of its own, whether it mends or not.
  'doctor',
];

test('every command that changes something has it', () => {
  const commands = allCommands(() => undefined);
  const changing = commands.filter(({ name }) => !OTHERS.includes(name));
  expect(changing.filter(({ isChange }) => isChange !== true).map(({ name }) => name)).toEqual([]);
});
