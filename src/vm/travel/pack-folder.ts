import { lstat } from 'node:fs/promises';
import { INSTANCE_FILES } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { backingChain } from '../disks/backing-chain.js';
import type { InstanceReading } from '../read-instance.js';
import { readSeed } from '../seed/seed.js';
import { readSnapshots } from '../read-snapshots.js';
import { keyInSeed, publicHalf } from './authorized-key.js';
import { packConfig } from './pack-config.js';
import { decodeTravelConfig, type TravelConfig, type TravelFile } from './travel-config.js';

/** What an instance's folder is as an artifact. */
export interface PackedFolder {
  readonly config: TravelConfig;
  /** Which key of this store its guest lets in; null: none that is known. */
  readonly ownKey: string | null;
}

/**
 * Makes of the records of a folder from outside what an export of it would have had in it, by the same rules: what
 * could not be in an archive cannot be in the folder.
 * @throws RecordError; MultipassError DISK_INVALID, SEED_INVALID, ISO_INVALID, INVALID_ARGUMENT
 */
export async function packFolder(
  layout: StoreLayout,
  reading: InstanceReading,
  { keepsIdentity }: { readonly keepsIdentity: boolean },
): Promise<PackedFolder> {
  const { dir, disk, spec } = reading;
  const names = [INSTANCE_FILES.disk, ...backingChain(dir, disk)];
  const files: TravelFile[] = [];
  for (const [index, name] of names.entries()) {
    const { size } = await lstat(dir.file(name));
    files.push({ name, size, backing: names[index + 1] ?? null, kept: null });
  }
  // Its own store may have had another key by the same name.
  const seedKey = keyInSeed(readSeed(dir.seed) ?? []);
  const own = spec.sshKey === null ? null : await publicHalf(layout, spec.sshKey);
  const { data } = await packConfig({
    layout,
    reading,
    spec,
    snapshots: readSnapshots(dir, undefined),
    files,
    keepIdentity: keepsIdentity,
    withKey: false,
    publicKey: seedKey,
  });
  const isOwn = own !== null && (seedKey === null || seedKey === own);
  return { config: decodeTravelConfig(data, dir.path), ownKey: isOwn ? spec.sshKey : null };
}
