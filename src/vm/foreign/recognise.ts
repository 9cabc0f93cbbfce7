import { basename, dirname, join } from 'node:path';
import { looksLikeTar } from '../../files/tar/foreign-header.js';
import type { Work } from '../../work.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { titleOf } from './describe-name.js';
import { FolderMembers } from './folder-members.js';
import type { ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';
import { isDockerArchive, readDockerArchive } from './read-docker-archive.js';
import { isIncusBackup, isIncusImage, readIncusBackup, readIncusImage } from './read-incus.js';
import { isLima, readLima } from './read-lima.js';
import { readLibvirt } from './read-libvirt.js';
import { isOciLayout, lookAtOci, readOci } from './read-oci.js';
import { ovfAmong, readOva } from './read-ova.js';
import { isVagrant, readVagrant } from './read-vagrant.js';
import { splitImageAmong } from './split-image.js';
import { TarMembers } from './tar-members.js';
import { firstBytes, unpack } from './unpack.js';

/** What somebody wants to import, and where there is room to take it apart. */
export interface RecogniseRequest {
  /** A file or folder. */
  readonly path: string;
  readonly origin: string;
  /** A folder in staging. */
  readonly folder: string;
  /** The user says that it is a raw disk. */
  readonly as?: 'raw' | undefined;
  readonly work: Work;
}

/** Ours, and where it lies after unpacking; or a machine of another program. */
export type Recognised = { readonly artifact: string } | { readonly machine: ForeignMachine };

const HINT =
  'Give a disk, an OVA, a box of Vagrant, an image of Incus or LXD, the folder of a Lima instance, ' +
  'the XML of libvirt beside its disk, a containerDisk, or what `multipass export` writes.';

/**
 * Tells by its content what a file is. Nothing of it is run or opened by a path that it names.
 * @throws MultipassError ARTIFACT_INVALID for what is none of what can be imported, or is damaged; DISK_FULL,
 *   TOOL_MISSING, ABORTED
 */
export async function recogniseFile(request: RecogniseRequest): Promise<Recognised> {
  const { origin, folder, work, as } = request;
  if (as === 'raw') return { machine: loneDisk(request.path, origin, true) };
  const path = await unpack(request);
  const start = firstBytes(path, 1024, origin);
  if (looksLikeTar(start)) {
    if (beginsOurs(start)) return await recogniseOurs({ path, origin, folder, work });
    await using members = await TarMembers.open({ path, origin, folder, work });
    return await recogniseMembers(members, { path, folder, work });
  }
  if (isXml(start)) {
    const beside = new FolderMembers(dirname(request.path), { origin, depth: 0 });
    const name = basename(request.path);
    const isOvf = /<(?:\w+:)?Envelope[\s>]/.test(start.toString('utf8')) || /\.ovf$/i.test(name);
    const machine = isOvf
      ? await readOva(beside, { ovf: name, work })
      : await readLibvirt(beside, name);
    return { machine: await unpacked(machine, request) };
  }
  return { machine: loneDisk(path, origin) };
}

/**
 * Tells by its files what a folder is.
 * @throws as {@link recogniseFile}
 */
export async function recogniseFolder(request: RecogniseRequest): Promise<Recognised> {
  const members = new FolderMembers(request.path, { origin: request.origin });
  return await recogniseMembers(members, request);
}

/** An archive of ours is read as it comes; what only looks like one is told by what is in it. */
async function recogniseOurs(request: RecogniseRequest): Promise<Recognised> {
  const artifact = { artifact: request.path };
  const members = await TarMembers.open(request).catch(() => undefined);
  if (members === undefined) return artifact;
  await using files = members;
  if (!isOciLayout(files)) return artifact;
  return await recogniseMembers(files, request);
}

async function recogniseMembers(
  members: Members,
  request: Pick<RecogniseRequest, 'path' | 'folder' | 'work'>,
): Promise<Recognised> {
  const { work, folder } = request;
  if (isOciLayout(members)) {
    const image = await lookAtOci(members);
    if (image.kind === 'instance') return { artifact: request.path };
    return { machine: await unpacked(await readOci(members, { image, folder, work }), request) };
  }
  const machine = await machineOf(members, request);
  if (machine === undefined) {
    throw artifactInvalid(members.origin, 'there is no machine in it that is known here', HINT);
  }
  return { machine: await unpacked(machine, request) };
}

async function machineOf(
  members: Members,
  request: Pick<RecogniseRequest, 'folder' | 'work'>,
): Promise<ForeignMachine | undefined> {
  const { work } = request;
  if (isDockerArchive(members)) return await readDockerArchive(members, request);
  if (isLima(members)) return await readLima(members);
  if (isVagrant(members)) return await readVagrant(members, { work });
  if (isIncusBackup(members)) return await readIncusBackup(members);
  if (isIncusImage(members)) return await readIncusImage(members);
  const split = await splitImage(members, request);
  if (split !== undefined) return split;
  const ovf = ovfAmong(members);
  if (ovf !== undefined) return await readOva(members, { ovf, work });
  const [xml, ...more] = [...members.names].filter((name) => /^[^/]+\.xml$/i.test(name));
  if (xml !== undefined && more.length === 0) return await readLibvirt(members, xml);
  return undefined;
}

/** The two files of an image of Incus: an archive with its `metadata.yaml`, and a disk. */
async function splitImage(
  members: Members,
  { folder, work }: Pick<RecogniseRequest, 'folder' | 'work'>,
): Promise<ForeignMachine | undefined> {
  const { origin } = members;
  const image = splitImageAmong(members);
  if (image === undefined) return undefined;
  const packed = await members.path(image.archive);
  const path = await unpack({ path: packed, origin, folder, work });
  await using metadata = await TarMembers.open({ path, origin, folder, work });
  return await readIncusImage(metadata, await members.path(image.disk));
}

/** A machine whose disk is packed by itself, as in an OVA or beside an XML. */
async function unpacked(
  machine: ForeignMachine,
  { folder, work }: Pick<RecogniseRequest, 'folder' | 'work'>,
): Promise<ForeignMachine> {
  const { disk } = machine;
  if (disk.isRaw === true && machine.kind !== 'kubevirt') return machine;
  const path = await unpack({ path: disk.path, origin: disk.origin, folder, work });
  return { ...machine, disk: { ...disk, path } };
}

function loneDisk(path: string, origin: string, isRaw = false): ForeignMachine {
  return {
    kind: 'disk',
    title: titleOf(origin),
    cpus: null,
    memory: null,
    disk: { path, origin, isRaw, layer: null },
    user: null,
    os: '',
    release: '',
    notes: new LossNotes(),
  };
}

/** The first name in an archive of ours, or of a copy of one. */
export function beginsOurs(start: Buffer): boolean {
  if (!looksLikeTar(start)) return false;
  const name = start
    .toString('latin1', 0, 100)
    .replace(/\0[^]*$/, '')
    .replace(/^\.\//, '');
  return name === 'oci-layout' || name === 'index.json' || /^blobs(?:\/|$)/.test(name);
}

function isXml(start: Buffer): boolean {
  return /^(?:\ufeff)?\s*(?:<\?xml\s|<!--|<domain[\s>]|<(?:\w+:)?Envelope[\s>])/.test(
    start.toString('utf8'),
  );
}

/** Where a stream is parked in a folder of ours. */
export function parkedIn(folder: string): string {
  return join(folder, 'stream');
}
