import { basename, dirname, join } from 'node:path';
import type { HostEnvironment } from '../storage-root.js';

/** A data folder of a multipassd and the cache folder that belongs to it; neither need exist. */
export interface LegacyPlace {
  readonly data: string;
  readonly cache: string | null;
  /** The backend folders that are wanted, '' being the data folder itself; all when absent. */
  readonly backends?: readonly string[];
}

/** The places of multipassd's data, the most specific first: MULTIPASS_STORAGE, the snap, root's, the user's own. */
export function legacyPlaces({ env, home }: HostEnvironment): LegacyPlace[] {
  const storage = env['MULTIPASS_STORAGE'] ?? '';
  const stored = storage === '' ? [] : [pair(storage), pair(storage, 'multipassd')];
  const snap = pair('/var/snap/multipass/common', 'multipassd');
  return [...stored, snap, xdgPlace('/root'), xdgPlace(home)];
}

/** The cache folder that goes with a data folder, by the data folder's path; null when that says nothing. */
export function siblingCache(data: string): string | null {
  const parent = dirname(data);
  if (basename(data) === 'data') return join(parent, 'cache');
  if (basename(data) !== 'multipassd') return null;
  switch (basename(parent)) {
    case 'data':
      return join(dirname(parent), 'cache', 'multipassd');
    case 'share':
      return join(parent, '..', '..', '.cache', 'multipassd');
    default:
      return null;
  }
}

function pair(root: string, folder = ''): LegacyPlace {
  return { data: join(root, 'data', folder), cache: join(root, 'cache', folder) };
}

function xdgPlace(home: string): LegacyPlace {
  return {
    data: join(home, '.local', 'share', 'multipassd'),
    cache: join(home, '.cache', 'multipassd'),
  };
}
