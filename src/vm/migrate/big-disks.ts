import { allocatedBytes } from '../disks/copy-file.js';

/** What is copied in less time than it takes to confirm it. */
const BIG = 256 * 1024 ** 2;

/**
 * Lets big disks come over one after the other, when instances come side by side: small ones wait for the disk to
 * confirm what was written, which it does for several at once, and big ones would only take its bandwidth from each
 * other.
 */
export class BigDisks {
  #last: Promise<unknown> = Promise.resolve();

  /** Copies a disk, at once or when those before it are done. Throws what `copy` throws. */
  async inTurn<Result>(
    { path }: { readonly path: string },
    copy: () => Promise<Result>,
  ): Promise<Result> {
    if ((await allocatedBytes(path)) < BIG) return await copy();
    const mine = this.#last.then(copy);
    this.#last = mine.catch(() => undefined);
    return await mine;
  }
}
