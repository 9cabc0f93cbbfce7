import { randomUUID } from 'node:crypto';
import { access, mkdir, readdir, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import type { StoreLayout } from '../../src/store/layout.js';
import { MacTable } from '../../src/store/mac-table.js';
import { newToken } from '../../src/store/maker-token.js';
import { StagedInstance } from '../../src/store/staging.js';
import { sweep } from '../../src/store/sweep.js';
import { trashInstance } from '../../src/store/trash.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { hashTree } from '../support/hash-tree.js';
import { makeInstance, specOf } from '../support/store-fixture.js';
import { test, type Worker } from '../support/worker-fixture.js';

const ROW = '525400000001';
const HOUR_MS = 60 * 60 * 1000;

/** A token of this machine and boot whose maker is gone. */
function deadToken(): string {
  return newToken().split('.').with(4, '1').join('.');
}

function foreignTokens(): string[] {
  const fields = newToken().split('.');
  return [fields.with(0, '0123456789ab'), fields.with(2, '1')].map((token) => token.join('.'));
}

async function leave(folder: string, token: string, file = 'note'): Promise<string> {
  const path = join(folder, token);
  await mkdir(path);
  await writeFile(join(path, file), 'left behind');
  return path;
}

async function age(path: string, milliseconds: number): Promise<void> {
  const then = new Date(Date.now() - milliseconds);
  await utimes(path, then, then);
}

async function killedStaging(layout: StoreLayout, maker: Worker): Promise<string> {
  const token = String(await maker.next());
  await maker.kill();
  expect(await readdir(layout.staging)).toContain(token);
  return token;
}

describe('sweep', () => {
  test('removes what a killed process was staging, and frees its MAC rows, at once', async ({
    store: { layout },
    start,
  }) => {
    await killedStaging(layout, start('stage', ['web', ROW]));
    expect(new MacTable(layout).owner(ROW)).toBeDefined();

    await sweep(layout, rowsOfFolder);

    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.trash)).toEqual([]);
    expect(await readdir(layout.macs)).toEqual([]);
  });

  test('does not free a row that the dead had only wished for', async ({
    store: { layout },
    start,
  }) => {
    const owner = randomUUID();
    await writeFile(layout.macRow(ROW), `${owner}\n`);
    await killedStaging(layout, start('stage', ['web', ROW]));
    await sweep(layout, rowsOfFolder);
    expect(new MacTable(layout).owner(ROW)).toBe(owner);
  });

  test('finishes a purge that was killed in the middle', async ({ store: { layout }, start }) => {
    const { interfaces } = specOf();
    await makeInstance(layout, 'web', { seed: null, data: 0, spec: { interfaces } });
    const row = interfaces[0].mac.toHex();
    const purger = start('trash', ['web']);
    await purger.next();
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.macs)).toEqual([row]);
    await purger.kill();

    await sweep(layout, rowsOfFolder);

    expect(await readdir(layout.trash)).toEqual([]);
    expect(await readdir(layout.macs)).toEqual([]);
  });

  test('leaves what living processes are making alone', async ({ store: { layout }, start }) => {
    const maker = start('stage', ['web', ROW]);
    await maker.next();
    const own = await StagedInstance.create(layout, randomUUID(), 'mine');
    await own.claimMac('525400000002');
    const before = await hashTree(layout.root);
    await sweep(layout, rowsOfFolder);
    expect(await hashTree(layout.root)).toEqual(before);
  });

  test('leaves what nobody can ask about alone for a day', async ({ store: { layout } }) => {
    const names = [...foreignTokens(), 'lost+found'];
    const left = await Promise.all(
      [layout.staging, layout.trash].flatMap((folder) => names.map((name) => leave(folder, name))),
    );
    for (const path of left) await age(path, 23 * HOUR_MS);
    await sweep(layout, rowsOfFolder);
    for (const path of left) await expect(access(path)).resolves.toBeUndefined();

    for (const path of left) await age(path, 25 * HOUR_MS);
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.staging)).toEqual([]);
    expect(await readdir(layout.trash)).toEqual([]);
  });

  test('is done by several processes at once without a loss', async ({
    store: { layout },
    start,
  }) => {
    const living = start('stage', ['living', ROW]);
    const token = await living.next();
    for (let number = 0; number < 100; number += 1) {
      const uuid = randomUUID();
      const path = await leave(layout.staging, deadToken());
      await mkdir(join(path, '.claim'));
      await writeFile(join(path, '.claim', 'uuid'), `${uuid}\n`);
      const row = `5254010000${number.toString(16).padStart(2, '0')}`;
      await writeFile(join(path, '.claim', row), '');
      await writeFile(layout.macRow(row), `${uuid}\n`);
    }
    const sweepers = [start('sweep'), start('sweep'), start('sweep')];
    for (const sweeper of sweepers) await sweeper.next();
    for (const sweeper of sweepers) sweeper.go();
    for (const sweeper of sweepers) expect(await sweeper.next()).toBe('swept');

    expect(await readdir(layout.staging)).toEqual([token]);
    expect(await readdir(layout.trash)).toEqual([]);
    expect(await readdir(layout.macs)).toEqual([ROW]);
  });

  const REFUSE: Record<string, (path: string) => Promise<void>> = {
    'a truncated spec': (path) => writeFile(join(path, 'spec.json'), '{"uuid": "'),
    'a spec that is a folder': (path) => mkdir(join(path, 'spec.json')).then(() => undefined),
    'snapshots that are a file': async (path) => {
      await writeFile(join(path, 'spec.json'), JSON.stringify({ uuid: randomUUID() }));
      await writeFile(join(path, 'snapshots'), 'no folder');
    },
    'a claim that is a file': (path) => writeFile(join(path, '.claim'), 'no folder'),
    'no uuid in its claim': async (path) => {
      await mkdir(join(path, '.claim'));
      await writeFile(join(path, '.claim', 'uuid'), '');
      await writeFile(join(path, '.claim', ROW), '');
    },
  };

  test.for(Object.entries(REFUSE))(
    'removes what has %s',
    async ([, spoil], { store: { layout } }) => {
      await spoil(await leave(layout.trash, deadToken()));
      await spoil(await leave(layout.staging, deadToken()));
      await sweep(layout, rowsOfFolder);
      expect(await readdir(layout.trash)).toEqual([]);
      expect(await readdir(layout.staging)).toEqual([]);
    },
  );

  test('removes a half-written store.json, which is a file', async ({ store: { layout } }) => {
    await writeFile(layout.staged(deadToken()), '{ "form');
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.staging)).toEqual([]);
  });

  test('goes on when one of them cannot be removed', async ({ store: { layout } }) => {
    const tokens = Array.from({ length: 3 }, deadToken).sort();
    for (const token of tokens) await leave(layout.staging, token, token);
    const stubborn = async (folder: InstanceDir): Promise<undefined> => {
      if ((await readdir(folder.path)).includes(tokens[0]!)) throw new Error('a bad sector');
    };
    await sweep(layout, stubborn);
    expect(await readdir(layout.staging)).toEqual([]);
    const [remaining, ...others] = await readdir(layout.trash);
    expect(others).toEqual([]);
    expect(await readdir(layout.trashed(remaining!))).toEqual([tokens[0]]);
  });

  test('touches nothing but staging and trash', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web');
    await leave(layout.instances, deadToken());
    await leave(layout.images, deadToken());
    await writeFile(join(layout.locks, `web@${deadToken()}`), '{}');
    await writeFile(join(layout.keys, 'id'), 'a key');
    const before = await hashTree(layout.root);
    await leave(layout.staging, deadToken());
    await sweep(layout, rowsOfFolder);
    expect(await hashTree(layout.root)).toEqual(before);
  });

  test('frees no rows of an instance to which the trash only links', async ({
    store: { layout },
  }) => {
    const web = await makeInstance(layout, 'web', { seed: null, data: 0 });
    const rows = await readdir(layout.macs);
    expect(rows).toHaveLength(1);
    const before = await hashTree(web.path);
    await symlink(web.path, layout.trashed(deadToken()));
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.trash)).toEqual([]);
    expect(await readdir(layout.macs)).toEqual(rows);
    expect(await hashTree(web.path)).toEqual(before);
  });

  test('finds nothing to do in a store that has no such folders', async ({ store: { layout } }) => {
    await rm(layout.staging, { recursive: true });
    await rm(layout.trash, { recursive: true });
    await sweep(layout, rowsOfFolder);
    expect(await readdir(layout.root)).not.toContain('trash');
  });
});

describe('trashInstance', () => {
  test('takes the folder out of the store, frees its rows, and removes its data', async ({
    store: { layout },
  }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    await makeInstance(layout, 'other', { seed: null, data: 0 });
    const other = await hashTree(layout.instance('other').path);
    await trashInstance(layout, 'web', rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['other']);
    expect(await readdir(layout.trash)).toEqual([]);
    expect(await readdir(layout.macs)).toHaveLength(1);
    expect(await hashTree(layout.instance('other').path)).toEqual(other);
  });

  test('holds the rows until the folder is out of the store', async ({ store: { layout } }) => {
    await makeInstance(layout, 'web', { seed: null, data: 0 });
    let heldMeanwhile: string[] = [];
    await trashInstance(layout, 'web', async (folder) => {
      await expect(access(layout.instance('web').path)).rejects.toMatchObject({ code: 'ENOENT' });
      heldMeanwhile = await readdir(layout.macs);
      return await rowsOfFolder(folder);
    });
    expect(heldMeanwhile).toHaveLength(1);
    expect(await readdir(layout.macs)).toEqual([]);
  });

  test('says which instance it could not remove', async ({ store: { layout } }) => {
    await expect(trashInstance(layout, 'web', rowsOfFolder)).rejects.toMatchObject({
      code: 'IO_ERROR',
      message: expect.stringContaining('remove "web"') as string,
    });
  });
});
