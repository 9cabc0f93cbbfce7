import { lstatSync, readdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { fromSystemError } from '../../errors.js';
import { readRegularFile } from '../../files/regular-file.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import type { Members } from './members.js';

/** Far more than any folder of a machine has. */
const MOST_ENTRIES = 10_000;

/** The regular files in a folder, and some levels below; links are not followed, and so are not there. */
export class FolderMembers implements Members {
  readonly origin: string;
  readonly names: ReadonlySet<string>;
  readonly #folder: string;

  /** @throws MultipassError IO_ERROR, PERMISSION_DENIED */
  constructor(folder: string, { origin = folder, depth = 2 } = {}) {
    this.#folder = folder;
    this.origin = origin;
    try {
      this.names = new Set(filesIn(folder, depth).slice(0, MOST_ENTRIES));
    } catch (error) {
      throw fromSystemError(error, 'read', folder);
    }
  }

  size(name: string): number {
    return this.#find(name).size;
  }

  async read(name: string, most: number): Promise<Buffer> {
    this.#find(name);
    const unfit = (problem: string): Error =>
      artifactInvalid(this.origin, `its "${name}" is ${problem}`);
    try {
      return await Promise.resolve(
        readRegularFile(join(this.#folder, name), { largest: most, unfit }),
      );
    } catch (error) {
      throw fromSystemError(error, 'read', join(this.#folder, name));
    }
  }

  async path(name: string): Promise<string> {
    this.#find(name);
    return await Promise.resolve(join(this.#folder, name));
  }

  #find(name: string): Stats {
    const stats = this.names.has(name)
      ? lstatSync(join(this.#folder, name), { throwIfNoEntry: false })
      : undefined;
    if (stats?.isFile() === true) return stats;
    throw artifactInvalid(this.origin, `it has no file "${name}"`);
  }
}

function filesIn(folder: string, depth: number): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.isFile()) return [entry.name];
    if (!entry.isDirectory() || depth === 0) return [];
    return filesIn(join(folder, entry.name), depth - 1).map((name) => `${entry.name}/${name}`);
  });
}
