import { execFile } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { describe, expect } from 'vitest';
import { newToken } from '../../src/store/maker-token.js';
import { COMMAND } from '../support/bin.js';
import { makeInstance, test as storeTest } from '../support/store-fixture.js';
import { environment, multipass, type CommandResult } from '../support/command.js';
import { expectSoundStore } from '../support/sound-store.js';

/** Runs a command on the test's store, its words in one string. */
type Run = (words: string) => Promise<CommandResult>;

const test = storeTest.extend<{ run: Run }>({
  run: async ({ store }, use) => {
    await use((words) => multipass(words.split(' '), { store: store.root }));
  },
});

const SILENT = { stdout: '', stderr: '', exitCode: 0 };

const SEE_LIST = '  hint: See `multipass list` for the instances there are.\n';

describe('clone', () => {
  test('says what became of it on stdout, and nothing else', async ({ store, run }) => {
    await makeInstance(store.layout, 'web');
    expect(await run('clone web')).toEqual({
      ...SILENT,
      stdout: 'Cloned from web to web-clone1.\n',
    });
    expect(await run('clone web -n x')).toEqual({ ...SILENT, stdout: 'Cloned from web to x.\n' });
    expect(await run('clone --name=y web')).toEqual({
      ...SILENT,
      stdout: 'Cloned from web to y.\n',
    });
    expect(await run('clone -nz -- web')).toEqual({ ...SILENT, stdout: 'Cloned from web to z.\n' });
    expect(await run('clone web')).toMatchObject({ stdout: 'Cloned from web to web-clone2.\n' });
    expect(await expectSoundStore(store.layout)).toEqual([
      ...['web', 'web-clone1', 'web-clone2', 'x', 'y', 'z'],
    ]);
  });

  test('refuses as Multipass does', async ({ store, run }) => {
    await makeInstance(store.layout, 'web');
    await makeInstance(store.layout, 'asleep', { otherTags: ['suspend'] });
    await makeInstance(store.layout, 'gone', { spec: { deleted: true } });
    const refusal = async (words: string): Promise<string | undefined> => {
      const { stdout, stderr, exitCode } = await run(words);
      expect({ stdout, exitCode }).toEqual({ stdout: '', exitCode: 2 });
      return stderr.split('\n')[0];
    };
    expect(await refusal('clone nope')).toBe('clone failed: instance "nope" does not exist');
    expect(await refusal('clone gone')).toBe('clone failed: instance "gone" is deleted');
    expect(await refusal('clone asleep')).toBe(
      'clone failed: Multipass can only clone stopped instances.',
    );
    expect(await refusal('clone web -n web')).toBe('clone failed: instance "web" already exists');
    expect(await refusal('clone web -n gone')).toBe('clone failed: instance "gone" already exists');
    expect(await refusal('clone web --name=')).toBe(
      'clone failed: Invalid destination instance name: ',
    );
    expect(await refusal('clone web -n 5x')).toBe(
      'clone failed: Invalid destination instance name: 5x',
    );
    expect(await refusal('clone -- -n')).toBe('clone failed: instance "-n" does not exist');
    expect(await expectSoundStore(store.layout)).toEqual(['asleep', 'gone', 'web']);
  });

  test('gives its report as JSON, and nothing else on stdout', async ({ store, run }) => {
    const { spec } = await makeInstance(store.layout, 'web', { tags: 1 });
    const { stdout, stderr, exitCode } = await run('clone web --format json');
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const { uuid } = JSON.parse(await readFile(spec, 'utf8')) as { uuid: string };
    const copy = await store.get('web-clone1');
    expect(JSON.parse(stdout)).toMatchObject({
      dry_run: false,
      source: 'web',
      snapshot: null,
      strategy: 'convert',
      consistency: 'stopped',
      fits: true,
      clones: [
        {
          name: 'web-clone1',
          identity: {
            macs: [{ new: copy.spec.interfaces[0].mac.toString() }],
            uuid: { old: uuid, new: copy.spec.uuid },
            hostname: { old: 'web', new: 'web-clone1' },
          },
          unchanged: [],
        },
      ],
    });
  });
});

describe('delete, recover and purge', () => {
  test('are silent when all goes well', async ({ store, run }) => {
    for (const name of ['a', 'b', 'c']) await makeInstance(store.layout, name);
    expect(await run('delete a b a')).toEqual(SILENT);
    expect(await run('delete a')).toEqual(SILENT);
    expect((await run('list --format csv')).stdout).toMatch(/^a,Deleted,.*\nb,Deleted,.*\nc,Stop/m);
    expect(await run('recover a c')).toEqual(SILENT);
    expect(await run('purge')).toEqual(SILENT);
    expect(await expectSoundStore(store.layout)).toEqual(['a', 'c']);
    expect(await run('delete --all')).toEqual(SILENT);
    expect(await run('recover --all')).toEqual(SILENT);
    expect((await run('list')).stdout).toMatch(/^a +Stopped .*\nc +Stopped /m);
    expect(await run('delete --all -p')).toEqual(SILENT);
    expect(await run('list')).toEqual({ ...SILENT, stdout: 'No instances found.\n' });
    expect(await expectSoundStore(store.layout)).toEqual([]);
  });

  test('do what can be done, and tell of all the rest', async ({ store, run }) => {
    for (const name of ['a', 'b']) await makeInstance(store.layout, name);
    expect(await run('delete nope a no b')).toEqual({
      stdout: '',
      stderr:
        'Deleted all the same: a, b\ndelete failed: The following errors occurred:\n' +
        'instance "nope" does not exist\n' +
        `instance "no" does not exist\n${SEE_LIST}`,
      exitCode: 2,
    });
    expect((await run('list')).stdout).toMatch(/^a +Deleted .*\nb +Deleted /m);
    expect(await run('recover nope b')).toEqual({
      stdout: '',
      stderr: `recover failed: instance "nope" does not exist\n${SEE_LIST}`,
      exitCode: 2,
    });
    expect((await run('list')).stdout).toMatch(/^a +Deleted .*\nb +Stopped /m);
    expect((await run('delete --purge nope a')).exitCode).toBe(2);
    expect(await expectSoundStore(store.layout)).toEqual(['b']);
  });

  test('purge also removes what a dead command left', async ({ store, run }) => {
    await makeInstance(store.layout, 'a');
    // No such process has lived since this machine was started.
    const own = newToken().split('.');
    const token = [...own.slice(0, 3), '4194304', '1', own.at(-1)].join('.');
    await mkdir(store.layout.staged(token));
    expect(await run('purge')).toEqual(SILENT);
    expect(await expectSoundStore(store.layout)).toEqual(['a']);
  });
});

describe('info', () => {
  test('tells what it was asked for, or all the reasons why it cannot', async ({ store, run }) => {
    await makeInstance(store.layout, 'web');
    await makeInstance(store.layout, 'primary', { spec: { deleted: true } });
    expect((await run('info web')).stdout).toMatch(
      /^Name: {11}web\nState: {10}Stopped\nSnapshots: {6}0\nIPv4: {11}--\n/,
    );
    expect((await run('info')).stdout).toMatch(/^Name: {11}primary\n.*\n\nName: {11}web\n/s);
    expect(await run('info web nope web.snap x.y')).toEqual({
      stdout: '',
      stderr:
        'info failed: The following errors occurred:\n' +
        'instance "nope" does not exist\n' +
        'No such snapshot: web.snap\n' +
        `instance "x" does not exist\n${SEE_LIST}` +
        '  hint: See `multipass list --snapshots` for the snapshots there are.\n',
      exitCode: 2,
    });
  });
});

describe('list', () => {
  test('does not mind a reader that goes away', async ({ store }) => {
    await makeInstance(store.layout, 'web');
    for (const reader of ['| head -1', '| true', '2>&1 | true']) {
      const result = await pipeline(`"$@" list ${reader}`, store.root);
      expect({ reader, ...result }).toEqual({ reader, stderr: '', codes: '0 0' });
    }
  });

  test('fails when its output cannot be written', async ({ store }) => {
    const { stderr, codes } = await pipeline('"$@" list >/dev/full', store.root);
    expect(stderr).toMatch(/^cannot write the output: .*no space left.*\n$/);
    expect(codes).toBe('2');
  });
});

describe('-v', () => {
  test('writes the log to stderr alone, and more the more often it is given', async ({
    store,
    run,
  }) => {
    await makeInstance(store.layout, 'web');
    const lines: number[] = [];
    for (const flags of ['', '-v', '-vv', '-v -v -v', '-vvvv', '-vvvvvv']) {
      const { stdout, stderr, exitCode } = await run(`clone web ${flags}`.trim());
      expect({ stdout, exitCode }).toEqual({
        stdout: expect.stringMatching(/^Cloned from web to web-clone\d\.\n$/) as string,
        exitCode: 0,
      });
      expect(stderr).toMatch(/^(\[(info|debug|trace)\] \[\w+\] .*\n)*$/);
      lines.push(stderr.split('\n').length);
    }
    expect(lines).toEqual(lines.toSorted((a, b) => a - b));
    expect(lines[2]).toBeGreaterThan(lines[0] ?? 0);
    expect((await run('--verbose list -vv')).stderr).toBe('');
  });
});

/** Runs a pipeline of bash, whose output nobody reads; `"$@"` is the command, `codes` are the exit codes of its parts. */
async function pipeline(line: string, store: string): Promise<{ stderr: string; codes: string }> {
  const script = `exec 3>&1; { ${line}; echo "\${PIPESTATUS[@]}" >&3; } >/dev/null`;
  const words = ['-c', script, 'bash', ...COMMAND];
  const { stdout, stderr } = await promisify(execFile)('bash', words, {
    env: environment({ store }),
  });
  return { stderr, codes: stdout.trim() };
}
