import { randomUUID } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MultipassError } from '../../errors.js';
import { writeNewRecord } from '../../files/record.js';
import type { MacAddress } from '../../net/mac-address.js';
import type { StagedInstance } from '../../store/staging.js';
import type { Work } from '../../work.js';
import { MacClaims } from '../macs.js';
import type { ImageRecord } from '../records/image-record.js';
import type { NetworkInterface } from '../records/interface.js';
import { snapshotFileName, type SnapshotRecord } from '../records/snapshot-record.js';
import type { InstanceSpec } from '../records/spec.js';
import { writeIso } from '../seed/iso9660-writer.js';
import { retargetSeed } from '../seed/seed.js';
import type { ArrivingKey } from './arriving-key.js';
import { replaceKey } from './authorized-key.js';
import { placeholderMac } from './cards.js';
import { identityTaken } from './free-identity.js';
import type { TravelCard, TravelConfig } from './travel-config.js';

/** What the records of an imported instance are made from. */
export interface UnpackRequest {
  readonly staged: StagedInstance;
  readonly config: TravelConfig;
  readonly keepsIdentity: boolean;
  readonly key: ArrivingKey;
  /** The user of its guest. */
  readonly user: string;
  /** Bytes: the size that its disk really has. */
  readonly disk: number;
  readonly work: Work;
}

/**
 * Writes the records of an imported instance: with MAC addresses of its own, or, when it moves, those that it had.
 * Host folders are not mounted, and it does not start by itself.
 * @returns what writes its seed, which has its name in it
 * @throws MultipassError IDENTITY_TAKEN, MAC_EXHAUSTED, DISK_FULL, …
 */
export async function unpackConfig(
  request: UnpackRequest,
): Promise<(hostname: string) => Promise<void>> {
  const { staged, config, keepsIdentity, key, user, disk } = request;
  const identity = keepsIdentity ? config.identity : null;
  const macs = await claimMacs(request);
  const cardOf = ({ card, network, auto }: TravelCard): NetworkInterface => {
    const mac = macs.get(card);
    if (mac === undefined) throw new Error(`no address for card ${card}`);
    return { mac, network, auto };
  };
  const [first, ...rest] = config.interfaces;
  const spec: InstanceSpec = {
    uuid: staged.uuid,
    vmgenid: identity?.vmgenid ?? randomUUID(),
    cpus: config.cpus,
    memory: config.memory,
    disk,
    sshUser: user,
    sshKey: key.name,
    interfaces: [cardOf(first), ...rest.map(cardOf)],
    mounts: [],
    // Ports are a host's: those that it had may be others' here.
    forwards: [],
    snapshotHead: headOf(config),
    deleted: false,
    autostart: false,
  };
  const image: ImageRecord = { ...config.image, lineage: null, migratedFrom: null };
  await writeNewRecord(staged.spec, spec);
  await writeNewRecord(staged.imageRecord, image);
  if (config.snapshots.length > 0) await mkdir(staged.snapshots, { mode: 0o700 });
  for (const { interfaces, instanceId, ...snapshot } of config.snapshots) {
    const record: SnapshotRecord = {
      ...snapshot,
      interfaces: interfaces.map(cardOf),
      mounts: [],
      instanceId: identity === null ? null : instanceId,
    };
    await writeNewRecord(join(staged.snapshots, snapshotFileName(record.index)), record);
  }
  await writeFile(staged.lock, '', { mode: 0o600 });
  return identity === null ? seedOfCopy(request, spec, macs) : seedAsItWas(request);
}

/** The addresses by the numbers of their cards, claimed for this instance. */
async function claimMacs({
  staged,
  config,
  keepsIdentity,
}: UnpackRequest): Promise<Map<number, MacAddress>> {
  const claims = MacClaims.ofStaged(staged);
  const cards = [config.interfaces, ...config.snapshots.map(({ interfaces }) => interfaces)].flat();
  const macs = new Map<number, MacAddress>();
  for (const { card } of cards) {
    if (macs.has(card)) continue;
    const own = keepsIdentity ? config.identity?.macs[card] : undefined;
    if (own !== undefined && !(await claims.claim(own))) {
      throw identityTaken(`the MAC address ${own.toString()} belongs to another instance here`);
    }
    macs.set(card, own ?? (await claims.generate()));
  }
  return macs;
}

/** A head that descends from no snapshot that came descends from none. */
function headOf({ snapshots, snapshotHead }: TravelConfig): number {
  return snapshots.some(({ index }) => index === snapshotHead) ? snapshotHead : 0;
}

function seedAsItWas({ staged, config }: UnpackRequest): (hostname: string) => Promise<void> {
  return async () => {
    if (config.seed !== null) await writeFile(staged.seed, writeIso(config.seed), { mode: 0o600 });
  };
}

/** With a new instance-id, at which cloud-init of the guest renews what was another's. */
function seedOfCopy(
  { staged, config, key, work }: UnpackRequest,
  spec: InstanceSpec,
  macs: ReadonlyMap<number, MacAddress>,
): (hostname: string) => Promise<void> {
  let files = config.seed;
  if (key.publicKey !== null) {
    const replaced =
      files === null || config.authorizedKey === null
        ? undefined
        : replaceKey(files, config.authorizedKey, key.publicKey);
    if (replaced?.found === true) ({ files } = replaced);
    else
      work.warn('its seed has no ssh key that could be replaced: its guest may not let anybody in');
  }
  const interfaces = config.interfaces.map(({ card, auto }, index) => ({
    old: config.identity?.macs[card] ?? placeholderMac(card),
    new: macs.get(card) ?? placeholderMac(card),
    index,
    auto,
  }));
  return async (hostname) => {
    const identity = { instanceId: spec.uuid, hostname, interfaces, isCopy: true };
    const { image, warnings } = retargetSeed(files, identity, 'cloud-init-config.iso');
    await writeFile(staged.seed, image, { mode: 0o600 });
    for (const warning of warnings) work.warn(warning);
  };
}

/** Why an artifact that is to keep its identity cannot. */
export function noIdentity(origin: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `"${origin}" has no identity to keep`, {
    hint: 'Export it with `--keep-identity`, or import it as a copy.',
    details: { origin },
  });
}
