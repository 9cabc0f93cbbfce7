import { cp, readdir, rename, stat, writeFile } from 'node:fs/promises';
import { describe, expect } from 'vitest';
import { recordText } from '../../src/files/record.js';
import { newCommit, readCommit, type Publication } from '../../src/store/commit.js';
import type { InstanceDir } from '../../src/store/instance-dir.js';
import { newToken } from '../../src/store/maker-token.js';
import { takeBack } from '../../src/store/take-back.js';
import { rowsOfFolder } from '../../src/vm/macs.js';
import { makeInstance, specOf, test } from '../support/store-fixture.js';

const UUID = '11111111-1111-4111-8111-111111111111';

async function publicationOf(dir: InstanceDir, uuid: string): Promise<Publication> {
  const { ino } = await stat(dir.path, { bigint: true });
  return { token: newToken(), name: dir.name, stem: null, uuid, inode: String(ino) };
}

describe('what is taken back', () => {
  test('is the instance of that uuid in that very folder', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { data: 0, spec: { uuid: UUID } });
    await takeBack(layout, [await publicationOf(dir, UUID)], rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual([]);
  });

  test('is no copy of it that stands in its place, with its uuid', async ({
    root,
    store: { layout },
  }) => {
    const dir = await makeInstance(layout, 'web', { data: 0, spec: { uuid: UUID } });
    const publication = await publicationOf(dir, UUID);
    // Kept, for otherwise the copy could get its inode.
    await rename(dir.path, `${root}-original`);
    await cp(`${root}-original`, dir.path, { recursive: true });
    await takeBack(layout, [publication], rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['web']);
  });

  test('is no other instance that has its folder by now', async ({ store: { layout } }) => {
    const dir = await makeInstance(layout, 'web', { data: 0, spec: { uuid: UUID } });
    const publication = await publicationOf(dir, UUID);
    await writeFile(dir.spec, recordText(specOf({ uuid: UUID.replaceAll('1', '2') })));
    await takeBack(layout, [publication], rowsOfFolder);
    expect(await readdir(layout.instances)).toEqual(['web']);
  });
});

describe('a commit', () => {
  test.for(['web/../../x', 'web/x', '../x', '.', 'web\n', 'web '])(
    'names nothing that could be another path: %j',
    async (name, { store: { layout } }) => {
      const record = newCommit(layout);
      const entry = record.slice(layout.staging.length + 1);
      const publication = { token: newToken(), name, stem: null, uuid: UUID, inode: '1' };
      await writeFile(record, recordText({ publish: [publication] }));
      expect(readCommit(layout, entry).publications).toEqual([]);
      const sound = { ...publication, name: 'web' };
      await writeFile(record, recordText({ publish: [sound] }));
      expect(readCommit(layout, entry).publications).toEqual([sound]);
    },
  );
});
