import { MultipassError } from '../../errors.js';
import { readMetaData } from '../../net/meta-data.js';
import type { InterfaceChange } from '../../net/network-config.js';
import type { InstanceDir } from '../../store/instance-dir.js';
import { replaceFile } from '../../files/draft.js';
import { writeIso } from '../seed/iso9660-writer.js';
import { readSeed, retargetSeed } from '../seed/seed.js';
import { SEED_CHANGE_FILES, type SeedChange } from '../records/pending-record.js';

/** Who the machine will be to cloud-init; its hostname stays. */
export interface Reseeding {
  readonly instanceId: string;
  readonly interfaces: readonly InterfaceChange[];
}

/** More is no seed of a machine, and would not fit into `pending.json`. */
const LONGEST_TEXT = 512 * 1024;

/**
 * What a seed's files will say of another identity; nothing is written.
 * @returns the change, undefined when there is no seed to be changed; and what the user should know
 * @throws MultipassError ISO_INVALID, SEED_INVALID naming the file and the place
 */
export function planSeedChange(
  dir: InstanceDir,
  { instanceId, interfaces }: Reseeding,
): { change: SeedChange | undefined; warnings: string[] } {
  const seed = readSeed(dir.seed);
  if (seed === null) {
    const warning = `"${dir.name}" has no cloud-init seed: set its interfaces up in the instance`;
    return { change: undefined, warnings: [warning] };
  }
  const hostname = readMetaDataOf(dir).hostname ?? dir.name;
  const retargeted = retargetSeed(seed, { instanceId, hostname, interfaces }, dir.seed);
  const textOf = (file: string): string => {
    const data = retargeted.files.find(({ name }) => name === file)?.data ?? Buffer.alloc(0);
    if (data.length <= LONGEST_TEXT) return data.toString('utf8');
    throw new MultipassError('SEED_INVALID', `${file} of "${dir.seed}" is too long`, {
      hint: 'Make that file of the seed shorter; nothing was changed.',
      details: { path: dir.seed },
    });
  };
  const change = { 'meta-data': textOf('meta-data'), 'network-config': textOf('network-config') };
  return { change, warnings: retargeted.warnings };
}

/** The instance-id that the seed tells the guest; null when it tells none, or cannot be read. */
export function instanceIdOf(dir: InstanceDir): string | null {
  return readMetaDataOf(dir).instanceId;
}

/**
 * Replaces files of a seed, atomically and durably; may be repeated. The caller holds the instance's exclusive lock.
 * @throws MultipassError ISO_INVALID, SEED_INVALID, DISK_FULL, …
 */
export async function replaceSeedFiles(dir: InstanceDir, change: SeedChange): Promise<void> {
  const old = readSeed(dir.seed) ?? [];
  const names = new Set([...old.map(({ name }) => name), ...SEED_CHANGE_FILES]);
  const texts = new Map<string, string>(Object.entries(change));
  const files = [...names].map((name) => {
    const text = texts.get(name);
    const kept = old.find((file) => file.name === name)?.data ?? Buffer.alloc(0);
    return { name, data: text === undefined ? kept : Buffer.from(text) };
  });
  // While its draft is there, so is pending.json: nobody copies or starts the instance before this has been repeated.
  await replaceFile(dir.seed, writeIso(files), { doing: 'write the seed' });
}

function readMetaDataOf(dir: InstanceDir): ReturnType<typeof readMetaData> {
  try {
    const file = readSeed(dir.seed)?.find(({ name }) => name === 'meta-data');
    return readMetaData(file?.data.toString('utf8') ?? '');
  } catch (error) {
    if (error instanceof MultipassError) return { instanceId: null, hostname: null };
    throw error;
  }
}
