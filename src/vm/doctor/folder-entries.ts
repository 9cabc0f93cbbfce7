import { readdirSync } from 'node:fs';
import { isOwnFolder } from './examination.js';

/** The names in a folder, sorted; none where there is no folder, or a link to one, or it cannot be read. */
export function entriesOf(folder: string): string[] {
  try {
    return isOwnFolder(folder) ? readdirSync(folder).sort() : [];
  } catch {
    return [];
  }
}
