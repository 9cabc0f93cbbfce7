import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { mkdir, open, rename, rm, symlink, type FileHandle } from 'node:fs/promises';
import { errnoOf } from '../../errors.js';
import { within } from './byte-path.js';

const { O_CREAT, O_DIRECTORY, O_EXCL, O_NOFOLLOW, O_RDONLY, O_WRONLY } = constants;

/** What a file is called until it is whole, on the host as in a guest. */
export function draftName(): Buffer {
  return Buffer.from(`.multipass-${randomBytes(8).toString('hex')}.part`);
}

/**
 * An open folder of this host that files of a guest are put into. All that is done to it is done to that very folder,
 * whatever is moved or linked meanwhile, and nothing in it is followed: so a guest that has a link made here, and then
 * a file in the place where that leads, has put neither anywhere else. Paths in it are good while it is open.
 */
export class LocalFolder {
  readonly #handle: FileHandle;

  private constructor(handle: FileHandle) {
    this.#handle = handle;
  }

  /** Opens the folder that the user has named, by whatever links. @throws the system's own error, as all of these */
  static async open(path: Buffer): Promise<LocalFolder> {
    return new LocalFolder(await open(path, O_RDONLY | O_DIRECTORY));
  }

  /** The path of a name in it. */
  path(name: Buffer): Buffer {
    return within(Buffer.from(`/proc/self/fd/${this.#handle.fd}`), name);
  }

  /**
   * Opens a folder in it, which is made when it is not there: with these permissions, as far as our umask lets.
   * @returns the folder, and whether it is new
   * @throws ELOOP or ENOTDIR when something else has that name
   */
  async enter(name: Buffer, permissions: number): Promise<{ folder: LocalFolder; isNew: boolean }> {
    const path = this.path(name);
    const isNew = await mkdir(path, permissions | 0o700).then(
      () => true,
      (error: unknown) => {
        if (errnoOf(error) !== 'EEXIST') throw error;
        return false;
      },
    );
    return {
      folder: new LocalFolder(await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
      isNew,
    };
  }

  /** Takes rights that its owner shall not have from a folder that was made by {@link enter}. */
  async restrictTo(permissions: number): Promise<void> {
    if ((permissions & 0o700) === 0o700) return;
    const { mode } = await this.#handle.stat();
    await this.#handle.chmod(mode & permissions);
  }

  /**
   * Makes a file by a name that it gets when it is whole: what has that name meanwhile stays as it is, and is replaced
   * then, a link as a link. When `fill` fails nothing is left.
   */
  async makeFile(
    name: Buffer,
    permissions: number,
    fill: (file: FileHandle) => Promise<void>,
  ): Promise<void> {
    const draft = this.path(draftName());
    const file = await open(draft, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, permissions);
    try {
      try {
        await fill(file);
      } finally {
        await file.close();
      }
      await rename(draft, this.path(name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  /** Makes a link, in the place of what has its name, unless that is a folder. */
  async makeLink(name: Buffer, target: Buffer): Promise<void> {
    const draft = this.path(draftName());
    await symlink(target, draft);
    try {
      await rename(draft, this.path(name));
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }
}
