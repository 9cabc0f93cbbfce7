import { lstatSync, readdirSync } from 'node:fs';
import { errnoOf } from '../../errors.js';
import { BASE_FILE } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { digestOfFile, type Digest } from '../../files/digest.js';
import type { HeldBase } from './copy-request.js';

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
    for await (const found of this.#look([size])) if (found.digest === digest) yield found.path;
  }

  /** All of them, or those of some sizes; one that has several names comes several times. */
  async *all(sizes: readonly number[] | undefined): AsyncGenerator<HeldBase, void> {
    for await (const { digest, size } of this.#look(sizes)) yield { digest, size };
  }

  async *#look(
    sizes: readonly number[] | undefined,
  ): AsyncGenerator<HeldBase & { readonly path: string }, void> {
    for (const path of this.#candidates()) {
      const file = lstatSync(path, { throwIfNoEntry: false });
      if (file?.isFile() !== true || sizes?.includes(file.size) === false) continue;
      const key = [file.dev, file.ino, file.mtimeMs].join(':');
      const digest = this.#digests.get(key) ?? (await this.#read(path));
      if (digest === undefined) continue;
      this.#digests.set(key, digest);
      yield { path, digest, size: file.size };
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

/**
 * The bases of a store by what they hold, of the sizes that are asked for, each once.
 * @throws MultipassError ABORTED; the system's own error
 */
export async function heldBases(
  layout: StoreLayout,
  {
    sizes,
    signal,
  }: { readonly sizes: readonly number[] | undefined; readonly signal?: AbortSignal | undefined },
): Promise<HeldBase[]> {
  const found = new Map<Digest, HeldBase>();
  for await (const base of new OwnBases(layout, signal).all(sizes)) found.set(base.digest, base);
  return [...found.values()];
}
