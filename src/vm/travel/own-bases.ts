import { lstatSync, readdirSync } from 'node:fs';
import { errnoOf } from '../../errors.js';
import { BASE_FILE } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { digestOfFile, type Digest } from '../../files/digest.js';

/** A base that is looked for by what it holds. */
export interface WantedBase {
  /** Bytes. */
  readonly size: number;
  readonly digest: Digest;
}

/** Looks for files of the store that nobody writes to any more, by what they hold, whatever they are called. */
export class OwnBases {
  readonly #layout: StoreLayout;
  readonly #signal: AbortSignal | undefined;
  /** What was read already, by inode: names come and go. */
  readonly #digests = new Map<string, Digest>();

  constructor(layout: StoreLayout, signal?: AbortSignal) {
    this.#layout = layout;
    this.#signal = signal;
  }

  /**
   * The paths of files with this content; only those of its size are read. One may be gone when it is used.
   * @throws MultipassError ABORTED; the system's own error
   */
  async *find({ size, digest }: WantedBase): AsyncGenerator<string, void> {
    for (const path of this.#candidates()) {
      const file = lstatSync(path, { throwIfNoEntry: false });
      if (file?.isFile() !== true || file.size !== size) continue;
      const key = [file.dev, file.ino, file.mtimeMs].join(':');
      const known = this.#digests.get(key) ?? (await this.#read(path));
      if (known === undefined) continue;
      this.#digests.set(key, known);
      if (known === digest) yield path;
    }
  }

  *#candidates(): Generator<string, void> {
    for (const id of namesIn(this.#layout.images)) yield this.#layout.image(id).disk;
    for (const name of instanceEntryNames(this.#layout)) {
      const dir = this.#layout.instance(name);
      for (const file of namesIn(dir.path)) if (BASE_FILE.test(file)) yield dir.file(file);
    }
  }

  async #read(path: string): Promise<Digest | undefined> {
    try {
      return await digestOfFile(path, this.#signal);
    } catch (error) {
      if (errnoOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch {
    return [];
  }
}
