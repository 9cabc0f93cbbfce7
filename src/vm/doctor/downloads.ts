import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { isLockHeld } from '../../store/kernel-lock.js';
import { DownloadPlace, keyOf } from '../images/download-place.js';
import type { Examination } from './examination.js';
import { entriesOf } from './folder-entries.js';

/** Downloads that nobody is at. */
export async function checkDownloads(examination: Examination): Promise<void> {
  const { layout } = examination;
  for (const file of entriesOf(layout.downloads)) {
    const path = join(layout.downloads, file);
    const key = keyOf(file);
    if (key === undefined) {
      // Without flock(1) each process has a file of its own.
      if (/@.+\.part$/.test(file)) continue;
      examination.note('unknown-file', {
        path,
        message: `"${path}" is no download`,
        hint: 'Remove it, if you know that you need it no more.',
      });
      continue;
    }
    const lock = join(layout.downloads, `${key}.lock`);
    if (await isLockHeld(lock)) continue;
    if (file.endsWith('.part')) {
      examination.note('download-left', {
        path,
        message: `"${path}" was being downloaded when its command ended`,
        hint: 'Launch that image again to have it resumed, or remove it with `multipass purge --images`.',
      });
    } else if (existsSync(lock)) {
      examination.note('lock-left', {
        path,
        message: `"${path}" is of a process that has ended`,
        hint: 'It does no harm; `multipass doctor --fix` removes it.',
        mend: async (request) => {
          // To give it back removes it.
          await (await DownloadPlace.takeNow(request.layout, key))?.release();
        },
      });
    }
  }
}
