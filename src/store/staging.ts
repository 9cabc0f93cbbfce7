import type { Dirent } from 'node:fs';
import { link, lstat, mkdir, open, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf, fromSystemError } from '../errors.js';
import { InstanceDir } from './instance-dir.js';
import type { StoreLayout } from './layout.js';
import { inodeOf, MacTable, rowText, type RowHolder, type RowsOf } from './mac-table.js';
import { MakerLock } from './maker-lock.js';
import { makerState, newToken } from './maker-token.js';
import { PortTable, type PortHolder } from './port-table.js';
import { readSmallFileIfAny } from '../files/record.js';
import { syncPath } from '../files/sync.js';

/**
 * A folder in the making: `staging/<token>/`, invisible to everyone until `publish` renames it to its place. Its token
 * names this process: when that is dead, the next command can see that the folder is abandoned.
 *
 * While it is in staging it has a `.claim` folder with the name it wishes for, its uuid, and an entry for each MAC row
 * before that is claimed, so that a sweep can release the rows. Nothing that exists only once is ever moved into
 * staging.
 */
export class StagedInstance extends InstanceDir {
  readonly uuid: string;
  readonly layout: StoreLayout;
  readonly #token: string;
  readonly #macs: MacTable;
  readonly #lock: MakerLock;
  readonly #claimed = new Set<string>();
  readonly #ports = new Set<string>();
  #isSynced = false;
  #rowsOf: RowsOf = () => Promise.resolve(undefined);

  private constructor(layout: StoreLayout, uuid: string, lock: MakerLock) {
    const token = newToken();
    super(layout.staged(token));
    this.layout = layout;
    this.#lock = lock;
    this.#token = token;
    this.#macs = new MacTable(layout);
    this.uuid = uuid;
  }

  /** Makes an empty staged folder for the instance `uuid` that wants to be called `wish` (null: not known yet). */
  static async create(
    layout: StoreLayout,
    uuid: string,
    wish: string | null,
  ): Promise<StagedInstance> {
    const lock = await MakerLock.hold(layout);
    const staged = new StagedInstance(layout, uuid, lock);
    try {
      await mkdir(staged.path, { mode: 0o700 });
      await mkdir(staged.claim, { mode: 0o700 });
      if (wish !== null) await writeFile(join(staged.claim, 'name'), wish, { mode: 0o600 });
      const inode = inodeOf(staged.path);
      await writeFile(staged.#uuidFile, rowText({ uuid, inode }), { mode: 0o600 });
    } catch (error) {
      await lock.release();
      throw fromSystemError(error, 'prepare an instance', staged.path);
    }
    return staged;
  }

  /**
   * Claims a MAC row for this instance; false when another holds it. Exclusive among all processes. The row comes
   * back to the pool if this instance is never published.
   * @param holder claims it for another instance instead, whose row was found missing
   */
  async claimMac(hex: string, holder?: RowHolder): Promise<boolean> {
    if (holder !== undefined) return await this.#macs.claim(hex, await this.#write(holder));
    this.#claimed.add(hex);
    await this.#intend(hex);
    return await this.#macs.claim(hex, this.#uuidFile);
  }

  /**
   * Claims a row of the table of ports for this instance. It comes back if its spec has it not in the end.
   * @returns who has it; undefined when it is claimed
   */
  async claimPort(row: string, rowsOf: RowsOf): Promise<PortHolder | undefined> {
    await this.intendPort(row, rowsOf);
    const { uuid } = this;
    const claim = { uuid, uuidFile: this.#uuidFile, rowsOf };
    return await new PortTable(this.layout).claim(row, claim);
  }

  /** Notes that the row of a port is being claimed or given back: in the end it stays if a spec has it. */
  async intendPort(row: string, rowsOf: RowsOf): Promise<void> {
    this.#ports.add(row);
    this.#rowsOf = rowsOf;
    await this.#intend(row);
  }

  /** Lets the row of another instance, which holds it, name the folder that this instance has now. */
  async renewRow(hex: string, holder: RowHolder): Promise<void> {
    await this.#macs.renew(hex, await this.#write(holder));
  }

  /** Removes `.claim`. From now on a sweep finds its MAC rows by its spec. */
  async seal(): Promise<void> {
    await rm(this.claim, { recursive: true, force: true });
  }

  /**
   * Removes the folder and releases its MAC rows, when a workflow has failed; that of a killed one is swept. Does
   * nothing when the folder is not in staging any more: it was published, and others may use it.
   */
  async discard(): Promise<void> {
    await using lock = this.#lock;
    if (!(await isThere(this.path))) return;
    for (const hex of this.#claimed) await this.#macs.release(hex, this.uuid);
    const { uuid } = this;
    await new PortTable(this.layout).release([...this.#ports], { uuid, rowsOf: this.#rowsOf });
    await rm(this.path, { recursive: true, force: true });
  }

  /** Called once it has left staging. */
  async leave(): Promise<void> {
    await this.#lock.release();
  }

  /** The token, which names this process. */
  get token(): string {
    return this.#token;
  }

  get #uuidFile(): string {
    return join(this.claim, 'uuid');
  }

  /** The intent first: a row that nobody can trace back would be lost. */
  async #intend(row: string): Promise<void> {
    if (!this.#isSynced) await syncPath(this.#uuidFile);
    this.#isSynced = true;
    const intent = join(this.claim, row);
    await link(this.#uuidFile, intent).catch(async (error: unknown) => {
      if (errnoOf(error) === 'EEXIST') return;
      await writeFile(intent, `${this.uuid}\n`, { mode: 0o600 });
    });
  }

  async #write(holder: RowHolder): Promise<string> {
    const source = join(this.claim, `uuid-${holder.uuid}`);
    const handle = await open(source, 'w', 0o600);
    try {
      await handle.writeFile(rowText(holder));
      await handle.sync();
    } finally {
      await handle.close();
    }
    return source;
  }
}

/** True when a living process is making an instance that will be called `name`. */
export async function isBeingPrepared(layout: StoreLayout, name: string): Promise<boolean> {
  const entries = await readdir(layout.staging, { withFileTypes: true }).catch((): Dirent[] => []);
  return entries.some((entry) => {
    // A file is the record of a commit, whose instances are folders of their own.
    if (!entry.isDirectory() || makerState(entry.name) === 'dead') return false;
    const claim = new InstanceDir(layout.staged(entry.name)).claim;
    return readSmallFileIfAny(join(claim, 'name')) === name;
  });
}

async function isThere(path: string): Promise<boolean> {
  return await lstat(path).then(
    () => true,
    (error: unknown) => errnoOf(error) !== 'ENOENT',
  );
}
