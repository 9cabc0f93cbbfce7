import { lstatSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, fromSystemError } from '../../errors.js';
import { makeFolder } from '../../files/make-folder.js';
import { syncPath } from '../../files/sync.js';
import type { StoreLayout } from '../../store/layout.js';

/** Where one call of `doctor` puts what is in the way: `lost+found/<time>/`, made when it is first used. */
export class LostAndFound {
  readonly #layout: StoreLayout;
  readonly #folder: string;

  constructor(layout: StoreLayout) {
    this.#layout = layout;
    // No colon: some file systems have none in names.
    this.#folder = join(layout.lostAndFound, new Date().toISOString().replaceAll(':', '-'));
  }

  /**
   * Moves a file, link or folder of the store there, durably, under the same path below it. What is gone is let go.
   * @throws MultipassError DISK_FULL, PERMISSION_DENIED, IO_ERROR; it is where it was then
   */
  async moveAside(path: string): Promise<void> {
    if (lstatSync(path, { throwIfNoEntry: false }) === undefined) return;
    const target = this.#freePlaceFor(path);
    await makeFolder(dirname(target));
    try {
      await rename(path, target);
      await syncPath(dirname(target));
      await syncPath(dirname(path));
    } catch (error) {
      if (errnoOf(error) !== 'ENOENT') throw fromSystemError(error, 'move aside', path);
    }
  }

  #freePlaceFor(path: string): string {
    const wanted = join(this.#folder, this.#layout.relative(path));
    for (let number = 1, place = wanted; ; number += 1, place = `${wanted}.${number}`) {
      if (lstatSync(place, { throwIfNoEntry: false }) === undefined) return place;
    }
  }
}
