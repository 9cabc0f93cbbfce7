import { access, cp, mkdir, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { LegacyPaths } from '../../fixtures/legacy/paths.js';
import { StoreLayout } from '../../src/store/layout.js';
import { hashTree } from '../support/hash-tree.js';
import { multipass } from '../support/command.js';
import { test } from './support/legacy-data.js';
import { expectSoundStore } from '../support/sound-store.js';

const NAMES = ['asleep', 'db', 'gone', 'old', 'web'];

interface Report {
  readonly errors: readonly string[];
  readonly from: readonly string[];
  readonly dry_run: boolean;
  readonly instances: readonly { readonly name: string; readonly [key: string]: unknown }[];
}

describe('migrate', () => {
  test('says in a table what came over, and nothing else', async ({ migrated }) => {
    const { stdout, ...rest } = migrated.result;
    expect(rest).toEqual({ stderr: '', exitCode: 0 });
    expect(stdout.replace(/reflink|copy {3}/g, 'METHOD ')).toBe(
      'Name     Action     State       Method   Snapshots   Reason\n' +
        'asleep   migrated   Suspended   METHOD   0           --\n' +
        'db       migrated   Stopped     METHOD   1           --\n' +
        'ghost    skipped    --          --       0           a ghost: a record that stands for no instance\n' +
        'gone     migrated   Deleted     METHOD   0           --\n' +
        'old      migrated   Stopped     METHOD   0           --\n' +
        'web      migrated   Stopped     METHOD   2           --\n',
    );
    expect(await expectSoundStore(migrated.layout)).toEqual(NAMES);
  });

  test('may be run again, and brings nothing twice', async ({ legacy, migrated }) => {
    const before = await hashTree(migrated.layout.instances);
    const args = ['migrate', '--from', legacy.paths.root];
    const again = await multipass(args, { store: migrated.layout.root });
    expect(again).toMatchObject({ stderr: '', exitCode: 0 });
    expect(again.stdout.match(/ skipped .* already there$/gm)).toHaveLength(5);
    expect(await hashTree(migrated.layout.instances)).toEqual(before);
  });

  test('makes clones possible at once', async ({ legacy, root }) => {
    const from = ['migrate', '--from', legacy.paths.data, 'db', 'old'];
    expect(await multipass(from, { store: root })).toMatchObject({ exitCode: 0 });
    expect((await multipass(['clone', 'db'], { store: root })).stdout).toBe(
      'Cloned from db to db-clone1.\n',
    );
    expect(await expectSoundStore(new StoreLayout(root))).toEqual(['db', 'db-clone1', 'old']);
  });

  test('tells with --dry-run what it would do, and does nothing', async ({ legacy, root }) => {
    const old = await hashTree(legacy.paths.root);
    const args = ['migrate', '--from', legacy.paths.root, '--dry-run'];
    const { stdout, stderr, exitCode } = await multipass(args, { store: root });
    expect({ stderr, exitCode }).toEqual({
      stderr: 'Dry run: nothing was changed.\n',
      exitCode: 0,
    });
    expect(stdout.match(/^\w+ +migrated /gm)).toHaveLength(5);
    await expect(access(root)).rejects.toMatchObject({ code: 'ENOENT' });
    expect(await hashTree(legacy.paths.root)).toEqual(old);
  });

  test('brings the aliases of what came over, and those there are stay', async ({
    legacy,
    root,
  }) => {
    const place = join(root, '../.local/share/multipass');
    await mkdir(place, { recursive: true });
    const ls = { command: 'ls', instance: 'web', 'working-directory': 'map' };
    const contexts = {
      default: { lsw: ls, 'a/b': ls, odd: { instance: 7, command: 'ls' } },
      work: { lsw: { ...ls, instance: 'db', 'working-directory': 'default' } },
    };
    const file = join(place, 'multipass_aliases.json');
    await writeFile(file, JSON.stringify({ 'active-context': 'work', contexts }));
    const migrate = async (...words: string[]): Promise<unknown> => {
      const args = ['migrate', '--format', 'json', '--from', legacy.paths.root, ...words];
      const { stdout } = await multipass(args, { store: root });
      const { aliases, errors } = JSON.parse(stdout) as { aliases: string[]; errors: string[] };
      return { aliases, errors };
    };
    const errors = [
      `"${file}": contexts.default.odd.instance: expected a string, found 7`,
      'the alias "default.a/b" has an impossible name',
    ];
    const fault = errors.slice(0, 1);
    expect(await migrate('--dry-run')).toEqual({ aliases: ['default.lsw', 'work.lsw'], errors });
    expect(await migrate('web')).toEqual({ aliases: ['default.lsw'], errors });
    expect(await migrate('db')).toEqual({ aliases: ['work.lsw'], errors: fault });
    const run = async (...words: string[]): Promise<string> =>
      (await multipass(words, { store: root })).stdout;
    expect(await run('aliases', '--format', 'csv')).toBe(
      'Alias,Instance,Command,Working directory,Context\n' +
        'lsw,web,ls,map,default*\nlsw,db,ls,default,work\n',
    );
    await writeFile(file, JSON.stringify({ top: { command: 'top', instance: 'web' }, lsw: ls }));
    expect(await migrate('web')).toEqual({ aliases: ['default.top'], errors: [] });
    await writeFile(file, '{"contexts": {"default": {"cut": {"comm');
    expect(await migrate('web')).toMatchObject({
      aliases: [],
      errors: [expect.stringContaining('is cut off or damaged') as string],
    });
  });

  test('gives its report as JSON, with the keys that are promised', async ({ legacy, root }) => {
    const args = ['migrate', '--format', 'json', '--from', legacy.paths.root, 'web', 'ghost'];
    const { stdout, stderr, exitCode } = await multipass(args, { store: root });
    expect({ stderr, exitCode }).toEqual({ stderr: '', exitCode: 0 });
    const report = JSON.parse(stdout) as Report;
    expect(Object.keys(report)).toEqual(['errors', 'from', 'dry_run', 'instances', 'aliases']);
    const [ghost, web] = report.instances;
    const keys = ['name', 'action', 'reason', 'state', 'method', 'bytes', 'snapshots', 'warnings'];
    expect(Object.keys(web ?? {})).toEqual(keys);
    expect(report).toMatchObject({ errors: [], from: [legacy.paths.data], dry_run: false });
    expect(web).toMatchObject({
      name: 'web',
      action: 'migrated',
      reason: null,
      state: 'Stopped',
      snapshots: 2,
      method: expect.stringMatching(/^(reflink|copy)$/) as string,
      warnings: [],
    });
    expect(ghost).toMatchObject({ name: 'ghost', action: 'skipped', state: null, method: null });
  });

  test('fails when one instance does, and brings the others', async ({ legacy, root }) => {
    const copy = new LegacyPaths(join(root, '..', 'old'), legacy.paths.home);
    await cp(legacy.paths.root, copy.root, { recursive: true });
    const { image } = legacy.instance('db').description;
    await truncate(copy.disk('db', image), 100);
    await writeFile(copy.instanceImageRecords, '{ "web": ');
    const args = ['migrate', '--from', copy.root, 'web', 'db', 'nope', '--format', 'json'];
    const { stdout, stderr, exitCode } = await multipass(args, { store: root });
    expect(exitCode).toBe(2);
    const { errors, instances } = JSON.parse(stdout) as Report;
    expect(instances.map(({ name, action }) => [name, action])).toEqual([
      ['db', 'failed'],
      ['web', 'migrated'],
      ['nope', 'failed'],
    ]);
    expect(instances[0]?.['reason']).toContain(copy.disk('db', image));
    expect(instances[2]?.['reason']).toBe('instance "nope" does not exist');
    expect(errors).toEqual([expect.stringContaining(copy.instanceImageRecords)]);
    expect(stderr.split('\n')).toEqual([
      `warning: ${errors[0] ?? ''}`,
      'migrate failed: not everything came over; the report says why',
      '',
    ]);
    expect(await expectSoundStore(new StoreLayout(root))).toEqual(['web']);
  });

  test('finds what HOME and MULTIPASS_STORAGE lead to', async ({ legacy, root }) => {
    await cp(legacy.paths.root, root, { recursive: true });
    await mkdir(join(root, '..', '.local', 'share'), { recursive: true });
    const home = join(root, '..', '.local', 'share', 'multipassd');
    await cp(legacy.paths.data, home, { recursive: true });
    const { stdout } = await multipass(['migrate', '--dry-run', '--format', 'json'], {
      store: root,
    });
    const { from } = JSON.parse(stdout) as Report;
    expect(from).toEqual(expect.arrayContaining([join(root, 'data'), home]));
  });

  test('shares its root with the old data, which stay as they were', async ({ legacy, root }) => {
    await cp(legacy.paths.root, root, { recursive: true });
    const shared = new LegacyPaths(root, legacy.paths.home);
    const before = [await hashTree(shared.data), await hashTree(shared.cache)];
    const { exitCode } = await multipass(['migrate', '--from', root], { store: root });
    expect(exitCode).toBe(0);
    expect(await expectSoundStore(new StoreLayout(root))).toEqual(NAMES);
    expect([await hashTree(shared.data), await hashTree(shared.cache)]).toEqual(before);
  });

  test('says where it looked when there is nothing', async ({ root }) => {
    const nowhere = join(root, '..', 'nowhere');
    const missing = await multipass(['migrate', '--from', nowhere], { store: root });
    expect(missing).toMatchObject({ stdout: '', exitCode: 2 });
    expect(missing.stderr).toMatch(/^migrate failed: there is no folder ".*nowhere"\n {2}hint: /);
    await mkdir(nowhere);
    const empty = await multipass(['migrate', '--from', nowhere], { store: root });
    expect(empty.stderr).toMatch(
      /^migrate failed: no data of multipassd in ".*nowhere"\n {2}hint: /,
    );
    await expect(access(root)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  test('may be started several times at once, and all comes over once', async ({
    legacy,
    root,
  }) => {
    const args = ['migrate', '--from', legacy.paths.root, '--format', 'json'];
    const results = await Promise.all([1, 2, 3].map(() => multipass(args, { store: root })));
    const actions = results.flatMap(({ stdout }) => (JSON.parse(stdout) as Report).instances);
    const migrated = actions.filter(({ action }) => action === 'migrated');
    expect(migrated.map(({ name }) => name).sort()).toEqual(NAMES);
    expect(await expectSoundStore(new StoreLayout(root))).toEqual(NAMES);
  });
});
