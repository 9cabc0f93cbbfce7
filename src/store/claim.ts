import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { readSmallFileIfAny } from '../files/record.js';
import type { InstanceDir } from './instance-dir.js';
import { parseRow } from './mac-table.js';
import { parsePortRow } from './port-row.js';

/** True for the name of a MAC row: twelve hex digits. */
export function isMacRow(name: string): boolean {
  return /^[0-9a-f]{12}$/.test(name);
}

/**
 * The uuid, and the MAC rows and rows of ports, that an abandoned folder had claimed; undefined when it never got that
 * far.
 */
export async function claimOf(
  folder: InstanceDir,
): Promise<{ uuid: string; rows: string[]; ports: string[] } | undefined> {
  const entries = await readdir(folder.claim).catch((): string[] => []);
  if (!entries.includes('uuid')) return undefined;
  const { uuid } = parseRow(readSmallFileIfAny(join(folder.claim, 'uuid')) ?? '');
  const ports = entries.filter((name) => parsePortRow(name) !== undefined);
  return { uuid, rows: entries.filter(isMacRow), ports };
}
