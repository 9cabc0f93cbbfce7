import { MacAddress } from '../../net/mac-address.js';
import { macsOfNetworkConfig } from '../../net/network-config.js';
import { readArgumentFacts } from '../../store/legacy/argument-facts.js';
import type { LegacyInstance } from '../../store/legacy/instances.js';
import type { LegacyInterface } from '../../store/legacy/interfaces.js';
import type { LegacySnapshot } from '../../store/legacy/snapshot-files.js';
import { readIso } from '../seed/iso9660-reader.js';
import { readSeedImage } from '../seed/seed.js';
import type { Mount } from '../records/mount.js';

/** An interface as the legacy data has it; a MAC that is unknown or invalid becomes a new one. */
export interface LegacyCard {
  readonly mac: MacAddress | null;
  readonly network: string | null;
  readonly auto: boolean;
}

/** What a migrated instance shall be like, before it is given anything of its own. */
export interface LegacyMachine {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
  readonly sshUser: string;
  readonly cards: readonly [LegacyCard, ...LegacyCard[]];
  readonly mounts: readonly Mount[];
  readonly deleted: boolean;
  /** True when there was no record: all this was read from its files. */
  readonly recovered: boolean;
}

/** Multipass's defaults, for what no file tells. */
const DEFAULT_CPUS = 1;
const DEFAULT_MEMORY = 1024 ** 3;
const DEFAULT_USER = 'ubuntu';

/** A user name as the spec takes it; see decodeSpec. */
const SSH_USER = /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/;

/**
 * What a legacy instance is like: from its record, and where that is lost from its files: the newest snapshot has
 * cpus, memory, mounts and interfaces, and the seed has the MACs.
 */
export function legacyMachine(
  legacy: LegacyInstance,
  seed: string | null,
  warnings: string[],
): LegacyMachine {
  // A ghost that has a disk all the same is an instance whose record is lost.
  const spec = legacy.spec?.ghost === true ? null : legacy.spec;
  const seedMacs = macsOfSeed(seed);
  const snapshot = headSnapshot(legacy);
  const facts = readArgumentFacts(spec?.metadataArguments ?? snapshot?.metadataArguments ?? []);
  const cpus = spec?.cpus ?? snapshot?.cpus ?? facts.cpus;
  const memory = spec?.memory ?? snapshot?.memory ?? facts.memory;
  if (cpus === null) warnings.push(`its CPUs are not on record: it has ${DEFAULT_CPUS} now`);
  if (memory === null) warnings.push('its memory is not on record: it has 1.0GiB now');
  const mac = validMac(spec?.mac ?? null) ?? seedMacs[0] ?? validMac(facts.macs[0] ?? null);
  if (mac === null) warnings.push('its MAC address is not on record: it gets a new one');
  const extras = spec?.extraInterfaces ?? snapshot?.extraInterfaces ?? null;
  if (extras === null && seedMacs.length > 1) {
    warnings.push('the networks of its extra interfaces are not on record: it has none now');
  }
  return {
    cpus: cpus ?? DEFAULT_CPUS,
    memory: memory ?? DEFAULT_MEMORY,
    sshUser: sshUserOf(spec?.sshUser ?? DEFAULT_USER, warnings),
    cards: [{ mac, network: null, auto: true }, ...(extras ?? []).map(cardOf)],
    mounts: spec?.mounts ?? snapshot?.mounts ?? [],
    deleted: spec?.deleted ?? false,
    recovered: spec === null,
  };
}

/** An extra interface of a spec or of a snapshot. */
export function cardOf({ id, mac, auto }: LegacyInterface): LegacyCard {
  return { mac: validMac(mac), network: id, auto };
}

/** A MAC of legacy data, or null when it is none. */
export function validMac(text: string | null): MacAddress | null {
  return text === null ? null : MacAddress.tryParse(text);
}

function headSnapshot({ snapshots: { snapshots, head } }: LegacyInstance): LegacySnapshot | null {
  return snapshots.find(({ index }) => index === head) ?? snapshots.at(-1) ?? null;
}

/** The first entry is the default interface in every generation of Multipass's network-config. */
function macsOfSeed(seed: string | null): MacAddress[] {
  if (seed === null) return [];
  try {
    const image = readSeedImage(seed);
    if (image === null) return [];
    const { files } = readIso(image, seed);
    const text = files.find(({ name }) => name === 'network-config')?.data.toString('utf8');
    return text === undefined ? [] : macsOfNetworkConfig(text, seed).map(({ mac }) => mac);
  } catch {
    return [];
  }
}

function sshUserOf(user: string, warnings: string[]): string {
  if (SSH_USER.test(user)) return user;
  warnings.push(
    `its ssh user ${JSON.stringify(user)} is no user name: it is "${DEFAULT_USER}" now`,
  );
  return DEFAULT_USER;
}
