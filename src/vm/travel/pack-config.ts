import { readFileSync } from 'node:fs';
import { fromSystemError, MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { streamArchitecture } from '../images/architecture.js';
import type { InstanceReading } from '../read-instance.js';
import { qemuTarget } from '../run/qemu-program.js';
import type { ImageRecord } from '../records/image-record.js';
import type { SnapshotRecord } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import { readSeed, retargetSeed } from '../seed/seed.js';
import { PLACEHOLDER_KEY, publicHalf, replaceKey } from './authorized-key.js';
import { Cards, placeholderMac } from './cards.js';
import {
  encodeTravelConfig,
  LARGEST_CONFIG,
  type TravelCard,
  type TravelConfig,
  type TravelFile,
  type TravelSeedFile,
} from './travel-config.js';

/** What of an instance is packed. */
export interface PackRequest {
  readonly layout: StoreLayout;
  readonly reading: InstanceReading;
  /** The state that travels. */
  readonly spec: InstanceSpec;
  readonly snapshots: readonly SnapshotRecord[];
  readonly files: readonly TravelFile[];
  /** Who it is travels, too. */
  readonly keepIdentity: boolean;
  /** The private key that its guest lets in travels, too. */
  readonly withKey: boolean;
  /** Nothing of this host travels, not even which of its folders were mounted. Default: false. */
  readonly isPublic?: boolean | undefined;
  /** False: its user-data stays here. Default: true. */
  readonly userData?: boolean | undefined;
  /** `<type> <base64>`: the key that its seed lets in. Default: that of `spec.sshKey`. */
  readonly publicKey?: string | null | undefined;
}

/** What stands in a seed where the instance-id was. */
const NO_ID = 'multipass-ts-travelling';
/** What stands there for user-data that stays here. */
const NO_USER_DATA = Buffer.from('#cloud-config\n{}\n');

/**
 * Makes the config of an artifact. Unless the identity travels, nothing in it says who the instance was: no uuid, no
 * MAC address, no instance-id; and never a path of the host but the folders that are mounted, or its lineage.
 * @throws MultipassError INVALID_ARGUMENT when its key or its user-data cannot travel; SEED_INVALID, ISO_INVALID
 */
export async function packConfig(
  request: PackRequest,
): Promise<{ config: TravelConfig; data: Buffer }> {
  const { layout, reading, spec, snapshots, files, keepIdentity, withKey } = request;
  const { arch, board } = qemuTarget();
  const cards = new Cards();
  const [first, ...rest] = spec.interfaces;
  const interfaces: [TravelCard, ...TravelCard[]] = [
    cards.pack(first),
    ...rest.map((card) => cards.pack(card)),
  ];
  const travelling = snapshots.map(({ instanceId, ...one }) => ({
    index: one.index,
    name: one.name,
    comment: one.comment,
    parent: one.parent,
    created: one.created,
    cpus: one.cpus,
    memory: one.memory,
    disk: one.disk,
    interfaces: one.interfaces.map((card) => cards.pack(card)),
    instanceId: keepIdentity ? instanceId : null,
    ...(one.consistency === undefined ? {} : { consistency: one.consistency }),
  }));
  const own = spec.sshKey === null ? null : await publicHalf(layout, spec.sshKey);
  const publicKey = request.publicKey === undefined ? own : request.publicKey;
  const { seed, authorizedKey } = packSeed(request, publicKey);
  const config: TravelConfig = {
    architecture: streamArchitecture(),
    machine: board,
    firmware: arch === 'x86_64' ? 'bios' : 'uefi',
    name: reading.name,
    cpus: spec.cpus,
    memory: spec.memory,
    disk: spec.disk,
    sshUser: spec.sshUser,
    interfaces,
    snapshotHead: snapshots.length === 0 ? 0 : spec.snapshotHead,
    snapshots: travelling,
    mounts: request.isPublic === true ? [] : spec.mounts,
    image: packImage(reading.image),
    files,
    seed,
    authorizedKey,
    identity: keepIdentity ? { uuid: spec.uuid, vmgenid: spec.vmgenid, macs: cards.macs } : null,
    privateKey: withKey ? privateHalf(layout, spec) : null,
  };
  const data = encodeTravelConfig(config);
  if (data.length <= LARGEST_CONFIG) return { config, data };
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `what "${reading.name}" is besides its disk comes to ${data.length} bytes, more than can travel`,
    {
      hint: `Make its user-data smaller: ${LARGEST_CONFIG} bytes are the most.`,
      details: { name: reading.name },
    },
  );
}

function packSeed(
  { reading, spec, keepIdentity, withKey, userData = true }: PackRequest,
  publicKey: string | null,
): Pick<TravelConfig, 'seed' | 'authorizedKey'> {
  const whole = readSeed(reading.dir.seed);
  if (whole === null) return { seed: null, authorizedKey: null };
  const seed = whole.map((file) =>
    userData || file.name !== 'user-data' ? file : { ...file, data: NO_USER_DATA },
  );
  const asItIs = seed.map(({ name, data }): TravelSeedFile => ({ name, data }));
  if (keepIdentity) return { seed: asItIs, authorizedKey: publicKey };
  const interfaces = spec.interfaces.map(({ mac, auto }, index) => ({
    old: mac,
    new: placeholderMac(index),
    index,
    auto,
  }));
  const { files } = retargetSeed(
    seed,
    { instanceId: NO_ID, hostname: reading.name, interfaces, isCopy: true },
    reading.dir.seed,
  );
  if (publicKey === null || withKey) return { seed: [...files], authorizedKey: publicKey };
  const { files: replaced, found } = replaceKey(files, publicKey, PLACEHOLDER_KEY);
  return { seed: replaced, authorizedKey: found ? PLACEHOLDER_KEY : null };
}

/** Where it came from, without what says which host it was on. */
function packImage({ id, release, os, version, query }: ImageRecord): TravelConfig['image'] {
  const isFile = query.type === 'file';
  return {
    id,
    release,
    os,
    version,
    query: { release: isFile ? '' : query.release, remote: query.remote, type: query.type },
  };
}

function privateHalf(layout: StoreLayout, { sshKey }: InstanceSpec): string | null {
  if (sshKey === null) return null;
  const path = layout.key(sshKey);
  try {
    return readFileSync(path, 'latin1');
  } catch (error) {
    throw fromSystemError(error, 'read the ssh key', path);
  }
}
