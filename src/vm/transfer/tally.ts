import { MultipassError } from '../../errors.js';
import type { Work } from '../../work.js';
import { endOfAll, isAboutOne, transferFailed, type About } from './failure.js';
import type { TransferReport } from './transfer-request.js';

/** What all instances' files may come to in one transfer: a guest that lists folders without end comes to an end. */
const MOST_ENTRIES = 5_000_000;

/** How deep folders may be in each other. */
const DEEPEST = 256;

/** Counts what is copied, tells how far it is, and keeps what went wrong. */
export class Tally {
  readonly work: Work;
  /** Bytes there are to be copied; undefined while nobody knows. */
  total: number | undefined;
  #files = 0;
  #folders = 0;
  #links = 0;
  #bytes = 0;
  #entries = 0;
  readonly #failures: MultipassError[] = [];

  constructor(work: Work) {
    this.work = work;
  }

  /** @throws MultipassError TRANSFER_FAILED when there is more than anybody has */
  enter(path: string, depth: number): void {
    this.#entries += 1;
    const about: About = { doing: 'read', path };
    if (depth > DEEPEST) throw transferFailed(about, `it lies more than ${DEEPEST} folders deep`);
    if (this.#entries > MOST_ENTRIES)
      throw endOfAll(about, `there are more than ${MOST_ENTRIES} files`);
  }

  copied(what: 'file' | 'folder' | 'link'): void {
    if (what === 'file') this.#files += 1;
    else if (what === 'folder') this.#folders += 1;
    else this.#links += 1;
  }

  /** Bytes have been copied. */
  advance(bytes: number): void {
    this.#bytes += bytes;
    // A file may have grown since it was counted.
    if (this.total !== undefined && this.total > 0) {
      this.work.advance(Math.min(1, this.#bytes / this.total));
    }
  }

  /**
   * Does something about one file; when that fails, the rest goes on.
   * @throws what is not about one file: the connection has ended, the disk is full, ABORTED
   */
  async attempt(act: () => Promise<void>): Promise<void> {
    try {
      this.work.throwIfAborted();
      await act();
    } catch (error) {
      if (!isAboutOne(error)) throw error;
      this.#failures.push(error);
    }
  }

  /** @throws MultipassError TRANSFER_FAILED for one failure; SEVERAL, whose cause holds them all */
  report(): TransferReport {
    const [first, ...more] = this.#failures;
    if (first !== undefined && more.length === 0) throw first;
    if (first !== undefined) {
      const lines = this.#failures.map(({ message }) => message.replaceAll(/\p{Cc}/gu, '\u{FFFD}'));
      throw new MultipassError('SEVERAL', ['The following errors occurred:', ...lines].join('\n'), {
        cause: new AggregateError(this.#failures),
      });
    }
    const counts = { files: this.#files, folders: this.#folders, links: this.#links };
    return { ...counts, bytes: this.#bytes };
  }
}
