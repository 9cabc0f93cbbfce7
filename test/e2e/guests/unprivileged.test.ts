import { copyFile, mkdir, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { guestImage } from '../../support/guests.js';
import { AS_NOBODY, giveToNobody } from '../support/nobody.js';
import { expectNothingLeft, withGuestStore } from './support.js';

vi.setConfig({ testTimeout: 360_000 });

test('a user without any rights launches, clones by disk and with memory, runs them, and removes them', async () => {
  const home = await mkdtemp(join(tmpdir(), 'multipass-ts-nobody-'));
  try {
    const [root, image] = [join(home, 'store'), join(home, 'tiny.img')];
    await mkdir(root);
    await copyFile(await guestImage('tiny'), image);
    const shared = join(home, 'shared');
    await mkdir(shared);
    await giveToNobody(root);
    await giveToNobody(shared);
    await giveToNobody(image);
    await withGuestStore(image, { root, through: AS_NOBODY }, async (guests) => {
      const { layout, ok, sh } = guests;
      expect(await guests.launch('web')).toBe('Launched: web\n');
      expect(await sh('web', 'echo precious >data; sync; hostname')).toBe('web');
      const { uid } = await stat(layout.instance('web').disk);
      expect(uid).toBe((await stat(root)).uid);
      await ok(['mount', shared, 'web']);
      await sh('web', 'echo classic >shared/classic');
      expect(await sh('web', 'stat -c %u:%g shared/classic')).toBe('1000:1000');
      await ok(['stop', 'web']);
      await ok(['mount', '--type', 'native', shared, 'web:native']);
      expect(await ok(['clone', 'web'])).toContain('Cloned from web to web-clone1.\n');
      await ok(['start', '--all']);
      expect(await sh('web-clone1', 'hostname; cat data')).toBe('web-clone1\nprecious');
      for (const name of ['web', 'web-clone1']) {
        await sh(name, `cat shared/classic && echo native >native/${name}`);
        expect(await sh(name, `stat -c %u:%g shared/classic native/${name}`)).toBe(
          '1000:1000\n1000:1000',
        );
        expect(await stat(join(shared, name))).toMatchObject({ uid });
      }
      const list = await ok(['list', '--format', 'csv']);
      expect(list.match(/^web(?:-clone1)?,Running,(?:10|172|192)\.\d+\.\d+\.\d+,/gm)).toHaveLength(
        2,
      );
      await ok(['suspend', 'web-clone1']);
      await ok(['delete', '--purge', 'web-clone1']);

      // With its memory, while mounts of both kinds are in use.
      await sh('web', 'echo in memory >/dev/shm/told');
      const warm = await guests.multipass(['clone', 'web', '--warm', '--name', 'warm', '--start']);
      expect(warm).toMatchObject({
        exitCode: 0,
        stdout: 'Cloned from running web to warm, with its memory.\n',
      });
      const see = 'hostname; cat data /dev/shm/told shared/classic native/web';
      for (const name of ['web', 'warm']) {
        expect(await sh(name, see)).toBe(`${name}\nprecious\nin memory\nclassic\nnative`);
      }
      const { mode, uid: owner } = await stat(layout.instance('warm').disk);
      expect({ mode: mode & 0o777, owner }).toEqual({ mode: 0o600, owner: uid });
      await ok(['stop', 'web', 'warm']);
      await ok(['delete', '--purge', 'web', 'warm']);
      await expectNothingLeft(layout);
    });
  } finally {
    await rm(home, { recursive: true, force: true });
  }
});
