import { hasCode } from '../../errors.js';
import { readQcow2 } from '../../qemu/qcow2-header.js';
import { parseGuestYaml } from '../../yaml.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { titleOf } from './describe-name.js';
import {
  MOST_CPUS,
  MOST_MEMORY,
  wholeNumber,
  type ForeignDisk,
  type ForeignMachine,
} from './foreign-machine.js';
import type { Members } from './members.js';
import { plainYaml, record, textIn } from './plain-yaml.js';

const CONFIG = 'lima.yaml';
const LARGEST = 512 * 1024;

/** Whether files are those of an instance of Lima. */
export function isLima({ names }: Members): boolean {
  return names.has(CONFIG) && ['diffdisk', 'disk', 'basedisk'].some((name) => names.has(name));
}

/** What Lima's configuration says, as far as we have a use for it. */
export interface LimaConfig {
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  readonly mounts: readonly string[];
  readonly user: string | null;
}

/**
 * Reads a `lima.yaml`.
 * @throws Error whose message says what is wrong, for what is no YAML
 * @internal for its tests
 */
export function decodeLimaConfig(text: string): LimaConfig {
  const config = record(plainYaml(parseGuestYaml(text)));
  const mounts = Array.isArray(config['mounts']) ? (config['mounts'] as unknown[]) : [];
  return {
    cpus: wholeNumber(config['cpus'], 1, MOST_CPUS),
    memory: sizeOf(textIn(config, 'memory')),
    mounts: mounts.slice(0, 100).flatMap((mount) => textIn(record(mount), 'location') ?? []),
    user: textIn(record(config['user']), 'name'),
  };
}

/**
 * Reads the folder of a stopped instance of Lima: its disk alone, or the disk that it wrote on and the one below it.
 * The lower one is the file of that name in the same folder, wherever the upper one says that it is.
 * @throws MultipassError ARTIFACT_INVALID
 */
export async function readLima(members: Members): Promise<ForeignMachine> {
  const { origin } = members;
  const config = await configOf(members);
  const notes = new LossNotes();
  for (const mount of config.mounts) {
    notes.lose('mount', mount, `\`multipass mount\` of that folder`);
  }
  if (members.names.has('cidata.iso')) {
    const effect =
      'its cloud-init runs as on a new machine: new host keys, and the key of this store';
    notes.change('seed', ["Lima's", 'a new one'], effect);
  }
  if (config.user !== null) {
    notes.check.push(
      `its user was "${config.user}": \`--user ${config.user} --ssh-key ~/.lima/_config/user\` enters as before`,
    );
  }
  return {
    kind: 'lima',
    title: titleOf(origin),
    cpus: config.cpus,
    memory: config.memory,
    disk: await diskOf(members),
    user: null,
    os: '',
    release: '',
    notes,
  };
}

async function configOf(members: Members): Promise<LimaConfig> {
  try {
    return decodeLimaConfig((await members.read(CONFIG, LARGEST)).toString('utf8'));
  } catch (error) {
    if (hasCode(error, 'ARTIFACT_INVALID', 'IO_ERROR', 'PERMISSION_DENIED')) throw error;
    const problem = `its "${CONFIG}" cannot be read: ${(error as Error).message}`;
    throw artifactInvalid(members.origin, problem);
  }
}

async function diskOf(members: Members): Promise<ForeignDisk> {
  const { names, origin } = members;
  const top = ['diffdisk', 'disk', 'basedisk'].find((name) => names.has(name)) ?? 'diffdisk';
  const path = await members.path(top);
  if (top !== 'diffdisk' || !standsOnBase(path)) {
    return { path, origin: `${origin}: ${top}`, layer: null };
  }
  if (!names.has('basedisk')) {
    throw artifactInvalid(origin, 'its disk stands on "basedisk", which is not in the folder');
  }
  const base = await members.path('basedisk');
  return { path: base, origin: `${origin}: basedisk`, layer: path };
}

function standsOnBase(path: string): boolean {
  try {
    return readQcow2(path).backingFile !== null;
  } catch (error) {
    if (hasCode(error, 'DISK_INVALID')) return false;
    throw error;
  }
}

const UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1024,
  m: 1024 ** 2,
  g: 1024 ** 3,
  t: 1024 ** 4,
};

function sizeOf(text: string | null): number | null {
  const [, number = '', unit = ''] =
    /^([0-9]{1,12}(?:\.[0-9]{1,3})?)\s*([kmgt]?)(?:i?b)?$/i.exec(text ?? '') ?? [];
  if (number === '') return null;
  const bytes = Math.floor(Number(number) * (UNITS[unit.toLowerCase()] ?? 1));
  return wholeNumber(bytes, 1, MOST_MEMORY);
}
