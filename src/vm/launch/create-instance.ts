import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { fromSystemError } from '../../errors.js';
import type { MacAddress } from '../../net/mac-address.js';
import { createOverlay } from '../../qemu/create-overlay.js';
import { instanceEntryNames } from '../../store/listing.js';
import { isVisible } from '../../store/make-visible.js';
import { publish } from '../../store/publish.js';
import { StagedInstance } from '../../store/staging.js';
import { writeNewRecord } from '../../files/record.js';
import { newSeed } from '../seed/new-seed.js';
import { Work } from '../../work.js';
import { linkOrCopy } from '../disks/copy-file.js';
import { chosenForwards } from '../forwards/chosen-forwards.js';
import { PortClaims } from '../forwards/port-claims.js';
import { STORE_KEY, storePublicKey } from '../guest/store-key.js';
import type { ObtainedImage } from '../images/obtain-image.js';
import { MacClaims, rowsOfFolder } from '../macs.js';
import { randomName } from '../random-name.js';
import type { InstanceSpec } from '../records/spec.js';
import { diskSize, repeatedMac } from './check-request.js';
import type { LaunchRequest, WantedNetwork } from './launch-request.js';
import type { FullLaunchRequest } from './with-defaults.js';

/** The user of Multipass's images, whatever the image calls it. */
const SSH_USER = 'ubuntu';

/**
 * Makes a new, stopped instance from an image: a thin head on a hard link to the image's disk, a seed, and records;
 * visible by one rename, as a whole or not at all.
 * @returns its name
 * @throws MultipassError NAME_TAKEN, MAC_TAKEN, MAC_EXHAUSTED, PORT_TAKEN, INVALID_ARGUMENT, DISK_FULL, ABORTED, …
 */
export async function createInstance(
  request: FullLaunchRequest,
  image: ObtainedImage,
): Promise<string> {
  const work = Work.of(request.work);
  const { layout, cpus, memory, networks = [] } = request;
  const forwards = chosenForwards(request.forwards ?? []);
  const disk = diskSize(request, image.virtualSize);
  const publicKey = await storePublicKey(layout);
  const staged = await StagedInstance.create(layout, randomUUID(), request.name ?? null);
  try {
    const base = staged.base(image.id);
    await linkOrCopy(image.dir.disk, base, work);
    const backing = { file: `base-${image.id}.qcow2`, format: 'qcow2' };
    await createOverlay({ path: staged.disk, backing, size: disk });
    const macs = MacClaims.ofStaged(staged);
    const interfaces: [InstanceSpec['interfaces'][0], ...InstanceSpec['interfaces'][0][]] = [
      { mac: await macs.generate(), network: null, auto: true },
    ];
    for (const wanted of networks) {
      const mac = await macOf(wanted, macs);
      interfaces.push({ mac, network: wanted.name, auto: wanted.auto });
    }
    const ports = PortClaims.ofStaged(staged);
    for (const forward of forwards) await ports.claim(forward);
    const spec: InstanceSpec = {
      uuid: staged.uuid,
      vmgenid: randomUUID(),
      cpus,
      memory,
      disk,
      interfaces,
      sshUser: SSH_USER,
      sshKey: STORE_KEY,
      mounts: [],
      forwards,
      snapshotHead: 0,
      deleted: false,
      autostart: false,
    };
    await writeNewRecord(staged.spec, spec);
    await writeNewRecord(staged.imageRecord, image.record);
    await writeFile(staged.lock, '', { mode: 0o600 });
    work.throwIfAborted();
    return await publishNamed(request, staged, { spec, publicKey });
  } catch (error) {
    if (!isVisible(error)) await staged.discard();
    throw fromSystemError(error, `create "${request.name ?? 'an instance'}"`);
  }
}

async function publishNamed(
  request: LaunchRequest,
  staged: StagedInstance,
  made: { spec: InstanceSpec; publicKey: string },
): Promise<string> {
  const { layout } = request;
  const { spec, publicKey } = made;
  const writeName = async (hostname: string): Promise<void> => {
    const seed = newSeed({
      hostname,
      instanceId: spec.uuid,
      interfaces: spec.interfaces,
      publicKey,
      userData: request.userData ?? null,
      userDataFrom: request.userDataFrom,
      timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    });
    await writeFile(staged.seed, seed, { mode: 0o600 });
  };
  const nextName = (): string => randomName({ taken: new Set(instanceEntryNames(layout)) });
  const naming =
    request.name === undefined ? { name: nextName(), nextName } : { name: request.name };
  const options = { rowsOf: rowsOfFolder, signal: Work.of(request.work).signal };
  await request.beforePublish?.(spec.uuid);
  const [name] = await publish(layout, [{ staged, writeName, ...naming }], options);
  if (name === undefined) throw new Error('nothing was published');
  return name;
}

async function macOf(wanted: WantedNetwork, macs: MacClaims): Promise<MacAddress> {
  if (wanted.mac === null) return await macs.generate();
  if (await macs.claim(wanted.mac)) return wanted.mac;
  throw repeatedMac(wanted.mac.toString());
}
