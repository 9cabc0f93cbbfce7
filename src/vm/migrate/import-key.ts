import { fromSystemError } from '../../errors.js';
import { readLegacyFile } from '../../store/legacy/legacy-file.js';
import type { StoreLayout } from '../../store/layout.js';
import { keepKey } from '../guest/keep-key.js';

/** A private key has a few thousand bytes. */
const LARGEST_KEY = 64 * 1024;

/**
 * Brings the key of a legacy Multipass into `keys/`, readable by the owner alone, and durable before any spec names
 * it: without it nobody could enter a migrated guest.
 * @returns the key's name for the spec; null when it is gone
 * @throws MultipassError LEGACY_INVALID when it is no regular file, or too large for a key; PERMISSION_DENIED, IO_ERROR
 */
export async function importKey(layout: StoreLayout, path: string): Promise<string | null> {
  try {
    const key = readLegacyFile(path, LARGEST_KEY);
    if (key === null) return null;
    return await keepKey(layout, key);
  } catch (error) {
    throw fromSystemError(error, 'bring the ssh key over', path);
  }
}
