import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test as base } from './support.js';

/** What a story about mounts has of its host. */
interface Host {
  /** Folders of the host to be mounted. */
  readonly classic: string;
  readonly native: string;
  /** Beside them: nobody's business. */
  readonly secret: string;
}

/** One store and one host for each file. */
export const test = base.extend<{ host: Host }>({
  host: [
    // eslint-disable-next-line no-empty-pattern -- vitest wants the pattern
    async ({}, use) => {
      const home = await mkdtemp(join(tmpdir(), 'multipass-ts mounts, '));
      const folder = async (name: string): Promise<string> => {
        await mkdir(join(home, name));
        return join(home, name);
      };
      await writeFile(join(home, 'secret'), 'secret of the host');
      await use({
        classic: await folder(`class'ic`),
        native: await folder('nat,ive'),
        secret: join(home, 'secret'),
      });
      await rm(home, { recursive: true, force: true });
    },
    { scope: 'file' },
  ],
});
