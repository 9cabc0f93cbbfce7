import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { readBridgeRecord } from './bridge-record.js';
import type { NetPlace } from '../net-place.js';
import { findDnsmasq, folderOf } from './dnsmasq-process.js';

/** Whose bridge is meant. */
export interface BridgeFolder extends NetPlace {
  /** The folder of its files; it need not exist. */
  readonly folder: string;
}

/**
 * True when the bridge is served from another folder that is still there: that of a store that this one is a copy of,
 * and whose bridge it is.
 */
export async function isAnothers(folder: string, bridge: string): Promise<boolean> {
  const found = findDnsmasq(folder, bridge);
  const other = found === undefined ? undefined : folderOf(found);
  if (other === undefined || other === resolve(folder)) return false;
  const [here, there] = await Promise.all([folder, other].map(identityOf));
  if (there === undefined || there === here) return false;
  return bridgeOf(other) === bridge;
}

function bridgeOf(folder: string): string | undefined {
  try {
    return readBridgeRecord(folder)?.bridge;
  } catch {
    return undefined;
  }
}

/** Not the path: the store may have been moved, or be reached by another way. */
async function identityOf(folder: string): Promise<string | undefined> {
  const found = await stat(folder).catch(() => undefined);
  return found === undefined ? undefined : `${found.dev}:${found.ino}`;
}
