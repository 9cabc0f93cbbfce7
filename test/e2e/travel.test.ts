import { createWriteStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { describe, expect } from 'vitest';
import { run } from '../../src/process/run.js';
import { COMMAND } from '../support/bin.js';
import { multipass, withoutPhases } from '../support/command.js';
import { expectSoundStore } from '../support/sound-store.js';
import { readInstance } from '../../src/vm/read-instance.js';
import { snapshotRecord, writeSnapshot } from '../support/snapshot-record.js';
import { makeInstance, test } from '../support/store-fixture.js';
import { openStore } from '../../src/index.js';

const NO_KEY =
  'warning: its seed has no ssh key that could be replaced: its guest may not let anybody in\n';

describe('an instance', () => {
  test('goes through a pipe into another store', async ({ root, store: { layout } }) => {
    const source = await makeInstance(layout, 'web', { thin: true, tags: 1 });
    const { interfaces } = readInstance(layout, 'web').spec;
    await writeSnapshot(source, snapshotRecord(1, { interfaces }));
    const other = join(root, '..', 'other');
    const words = COMMAND.map((word) => `'${word}'`).join(' ');
    const line = `MULTIPASS_STORAGE='${root}' ${words} export web - | MULTIPASS_STORAGE='${other}' ${words} import - --format json`;
    const { stdout, stderr } = await run('bash', ['-o', 'pipefail', '-c', line]);
    expect(JSON.parse(stdout)).toMatchObject({ imported: 'web', identity: 'new', mounts: [] });
    expect(withoutPhases(`${stderr}\n`)).toBe(NO_KEY);
    const there = openStore(other);
    expect(await expectSoundStore(there.layout)).toEqual(['web']);
    const disk = there.layout.instance('web').disk;
    expect((await readFile(disk)).equals(await readFile(source.disk))).toBe(true);
  });

  test('is a file that tar can list, and comes back by another name', async ({
    root,
    store: { layout },
  }) => {
    const mounts = [
      {
        source: '/home/me/my site',
        target: '/srv',
        type: 'classic' as const,
        uidMappings: [],
        gidMappings: [],
      },
    ];
    await makeInstance(layout, 'web', { spec: { mounts } });
    const file = join(root, '..', 'web.tar');
    const exported = await multipass(['export', 'web', file, '--compress', 'gzip'], {
      store: root,
    });
    expect(exported).toMatchObject({ stderr: '', exitCode: 0 });
    expect(exported.stdout).toMatch(
      /^Exported web to .*web\.tar \(\d.*, \d+ bytes of user-data among them\)\.\n$/,
    );
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const listed = await run('tar', ['tf', file]);
    expect(listed.stderr).toBe('');
    expect(listed.stdout.split('\n')).toEqual(
      expect.arrayContaining([
        'oci-layout',
        'index.json',
        expect.stringMatching(/^blobs\/sha256\//),
      ]),
    );
    expect(await multipass(['import', file], { store: root })).toMatchObject({
      stderr: expect.stringMatching(/^import failed: instance "web" already exists/) as string,
      exitCode: 2,
    });
    expect(
      await multipass(['import', file, '-n', 'web-2', '--user', 'ada'], { store: root }),
    ).toEqual({
      stdout:
        `Imported web-2, which was web.\nNot mounted: multipass mount --type classic '/home/me/my site' web-2:/srv\n`.replace(
          'web-2:/srv\n',
          "'web-2:/srv'\n",
        ),
      stderr: NO_KEY,
      exitCode: 0,
    });
    expect(await expectSoundStore(layout)).toEqual(['web', 'web-2']);
  });

  test('is exported stopped alone, and to no terminal', async ({ root, store: { layout } }) => {
    await makeInstance(layout, 'web', { otherTags: ['suspend'] });
    const tried = await multipass(['export', 'web', 'x.tar'], {
      store: root,
      cwd: join(root, '..'),
    });
    expect(tried).toMatchObject({ stdout: '', exitCode: 2 });
    expect(tried.stderr).toMatch(
      /^export failed: cannot export "web": it is suspended\n {2}hint: /,
    );
    for (const words of [
      ['export', 'web'],
      ['export', 'web', '-', '--format', 'json'],
      ['export', 'web', 'x', '--compress', 'lz4'],
      ['import'],
    ]) {
      expect((await multipass(words, { store: root })).exitCode, words.join(' ')).toBe(1);
    }
  });

  test('does not come of a file that was cut off', async ({ root, store: { layout } }) => {
    await makeInstance(layout, 'web');
    const file = join(root, '..', 'web.tar');
    await multipass(['export', 'web', file], { store: root });
    const bytes = await readFile(file);
    await pipeline([bytes.subarray(0, bytes.length / 2)], createWriteStream(file));
    const { stderr, exitCode } = await multipass(['import', file, '-n', 'b'], { store: root });
    expect(stderr).toMatch(/^import failed: cannot take ".*web\.tar": it is cut off\n {2}hint: /);
    expect(exitCode).toBe(2);
    expect(await expectSoundStore(layout)).toEqual(['web']);
  });
});
