import { randomUUID } from 'node:crypto';
import { rm, stat, writeFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { fromSystemError, MultipassError } from '../../errors.js';
import { writeNewRecord } from '../../files/record.js';
import { bytesOf, formatMemorySize, wholeSectors } from '../../memory-size.js';
import { lookAtBoot } from '../../qemu/boot-look.js';
import { isVisible } from '../../store/make-visible.js';
import { publish } from '../../store/publish.js';
import { StagedInstance } from '../../store/staging.js';
import { toYaml } from '../../yaml.js';
import type { Work } from '../../work.js';
import { SourceWatch } from '../disks/source-watch.js';
import { requireNameIsFree } from '../free-name.js';
import { keepKey } from '../guest/keep-key.js';
import { STORE_KEY, storePublicKey } from '../guest/store-key.js';
import { streamArchitecture } from '../images/architecture.js';
import { LEAST_MEMORY } from '../least-sizes.js';
import type { LossNotes } from '../loss-report.js';
import { MacClaims, rowsOfFolder } from '../macs.js';
import type { ImageRecord } from '../records/image-record.js';
import type { InstanceSpec } from '../records/spec.js';
import { newSeed } from '../seed/new-seed.js';
import { readSettings } from '../settings/settings.js';
import { publicHalf } from '../travel/authorized-key.js';
import type { ImportReport, ImportRequest } from '../travel/import-request.js';
import { nameFrom } from './describe-name.js';
import { bringDisk } from './foreign-disk.js';
import type { ForeignMachine } from './foreign-machine.js';

/** Whom cloud-init makes in every new guest of ours. */
const USUAL_USER = 'ubuntu';

/** What is made an instance. */
export interface ForeignRequest {
  readonly request: ImportRequest;
  readonly machine: ForeignMachine;
  /** A path, or what stands for one. */
  readonly origin: string;
  readonly work: Work;
}

/**
 * Makes an instance of a machine of another program: its disk as a base and an empty head, records of our own, and a
 * new seed. It is put together in staging, and visible by one rename.
 * @throws MultipassError IMAGE_INVALID, ARTIFACT_INVALID, NAME_TAKEN, INVALID_NAME, INVALID_ARGUMENT, DISK_FULL,
 *   SANDBOX_UNAVAILABLE, TOOL_MISSING, ABORTED, …
 */
export async function importForeign(foreign: ForeignRequest): Promise<ImportReport> {
  const { request, machine, work } = foreign;
  const { layout } = request;
  requireNoIdentity(foreign);
  const name = await nameOf(foreign);
  const size = sizeOf(foreign);
  const { disk, notes } = machine;
  const watched = disk.layer === null ? [disk.path] : [disk.path, disk.layer];
  const watch = await SourceWatch.begin(watched, work.signal);
  work.begin('importing', name);
  const staged = await StagedInstance.create(layout, randomUUID(), name);
  try {
    const id = staged.uuid.replaceAll('-', '');
    const as = request.imageFormat;
    const bytes = await bringDisk({ disk, staged, id, as, notes, work });
    watch.requireUnchanged();
    await noteBoot(staged, { id, notes, work });
    const access = await accessOf(foreign);
    const mac = await MacClaims.ofStaged(staged).generate();
    const spec: InstanceSpec = {
      uuid: staged.uuid,
      vmgenid: randomUUID(),
      ...size,
      disk: wholeSectors(bytes),
      sshUser: access.user,
      sshKey: access.key,
      interfaces: [{ mac, network: null, auto: true }],
      mounts: [],
      forwards: [],
      snapshotHead: 0,
      deleted: false,
      autostart: false,
    };
    await writeNewRecord(staged.spec, spec);
    await writeNewRecord(staged.imageRecord, imageRecord(foreign, id));
    await writeFile(staged.lock, '', { mode: 0o600 });
    work.begin('publishing', name);
    work.throwIfAborted();
    const writeName = async (hostname: string): Promise<void> => {
      const seed = newSeed({
        hostname,
        instanceId: spec.uuid,
        interfaces: spec.interfaces,
        publicKey: access.publicKey,
        userData: access.userData,
        timezone: Intl.DateTimeFormat().resolvedOptions().timeZone,
      });
      await writeFile(staged.seed, seed, { mode: 0o600 });
    };
    const written = (await stat(staged.base(id))).size;
    const options = { rowsOf: rowsOfFolder, signal: work.signal };
    const [published = ''] = await publish(layout, [{ staged, name, writeName }], options);
    return {
      name: published,
      original: machine.title ?? published,
      uuid: staged.uuid,
      keepsIdentity: false,
      kind: machine.kind,
      digest: null,
      bytesWritten: written,
      bytesShared: 0,
      mounts: [],
      losses: notes.report(),
    };
  } catch (error) {
    if (!isVisible(error)) await staged.discard();
    throw fromSystemError(error, `import "${name}"`);
  }
}

function requireNoIdentity({ request, machine, origin }: ForeignRequest): void {
  if (request.keepIdentity !== true) return;
  throw new MultipassError(
    'INVALID_ARGUMENT',
    `"${origin}" has no identity to keep: it is not from \`multipass export\``,
    { hint: 'Import it without `--keep-identity`.', details: { origin, kind: machine.kind } },
  );
}

async function nameOf({ request, machine, origin }: ForeignRequest): Promise<string> {
  const name = request.name ?? nameFrom(machine.title ?? '');
  if (name === undefined) {
    throw new MultipassError('INVALID_NAME', `"${origin}" has no name that an instance can have`, {
      hint: 'Give it one with `--name`.',
      details: { origin },
    });
  }
  await requireNameIsFree(request.layout, name);
  return name;
}

/** As asked for, else as it was, else as every new instance. */
function sizeOf({ request, machine }: ForeignRequest): { cpus: number; memory: number } {
  const { launchDefaults } = readSettings(request.layout, process.env);
  const { notes } = machine;
  const cpus = request.cpus ?? machine.cpus ?? launchDefaults.cpus;
  const wanted = request.memory === undefined ? undefined : bytesOf(request.memory, 'memory');
  const memory = wanted ?? Math.max(LEAST_MEMORY, machine.memory ?? launchDefaults.memory);
  if (!Number.isSafeInteger(cpus) || cpus < 1 || memory < LEAST_MEMORY) {
    throw new MultipassError('INVALID_ARGUMENT', 'too few processors, or too little memory', {
      hint: 'Ask for 1 CPU and 128M of memory at least.',
      details: { cpus, memory },
    });
  }
  note(notes, 'cpus', { was: machine.cpus, is: cpus, words: String });
  note(notes, 'memory', { was: machine.memory, is: memory, words: formatMemorySize });
  if (cpus > availableParallelism()) {
    notes.check.push(`it has ${cpus} processors, and this host ${availableParallelism()}`);
  }
  return { cpus, memory };
}

function note(
  notes: LossNotes,
  what: string,
  {
    was,
    is,
    words,
  }: {
    readonly was: number | null;
    readonly is: number;
    readonly words: (value: number) => string;
  },
): void {
  if (was === is) notes.keep(what, words(is));
  else if (was !== null) notes.change(what, [words(was), words(is)], 'as asked for');
  else notes.check.push(`it has ${words(is)} of ${what}, for nothing was said of that`);
}

/** Ours starts with a BIOS on one architecture, and with EFI on the other. */
async function noteBoot(
  staged: StagedInstance,
  { id, notes, work }: { readonly id: string; readonly notes: LossNotes; readonly work: Work },
): Promise<void> {
  if (streamArchitecture() !== 'amd64') return;
  const scratch = join(staged.path, 'boot-sectors');
  const look = await lookAtBoot(staged.base(id), scratch, { signal: work.signal });
  await rm(scratch, { force: true });
  if (!look.hasBiosCode) {
    const what = look.hasEfi
      ? 'its disk starts with EFI alone, and its machine has a BIOS here: it will not boot'
      : 'its disk has no boot loader in its first sector: it will not boot';
    notes.check.push(what);
    work.warn(what);
  } else if (look.hasEfi && !look.hasBiosPartition) {
    notes.check.push('its disk is made for EFI: see that it starts with the BIOS of its machine');
  }
}

interface Access {
  readonly user: string;
  readonly key: string;
  readonly publicKey: string;
  readonly userData: Buffer | null;
}

/** Who is let in by which key; a guest that has cloud-init is told to. */
async function accessOf({ request, machine }: ForeignRequest): Promise<Access> {
  const { layout, sshKey } = request;
  const user = request.user ?? machine.user ?? USUAL_USER;
  const { notes } = machine;
  const key = sshKey === undefined ? STORE_KEY : await keepKey(layout, sshKey);
  const half = sshKey === undefined ? await storePublicKey(layout) : await publicHalf(layout, key);
  if (half === null) {
    throw new MultipassError(
      'INVALID_ARGUMENT',
      'the ssh key cannot be read, or has a passphrase',
      { hint: 'Give a private key without a passphrase, as `ssh-keygen -N ""` makes it.' },
    );
  }
  if (sshKey === undefined) {
    notes.check.push(
      `"${user}" is let in by the key of this store once its cloud-init has run: a guest without ` +
        'cloud-init needs `--user` and `--ssh-key`',
    );
  }
  return {
    user,
    key,
    publicKey: half,
    userData: user === USUAL_USER ? null : userData(user, half),
  };
}

/** Lets the key in for a user besides the one that every guest of ours has. */
function userData(user: string, publicKey: string): Buffer {
  const also = {
    name: user,
    sudo: 'ALL=(ALL) NOPASSWD:ALL',
    shell: '/bin/bash',
    ssh_authorized_keys: [publicKey],
  };
  return Buffer.from(`#cloud-config\n${toYaml({ users: ['default', also] })}`);
}

function imageRecord({ machine, origin }: ForeignRequest, id: string): ImageRecord {
  return {
    id,
    release: machine.release,
    os: machine.os,
    version: '',
    query: { release: `file://${origin}`, remote: '', type: 'file' },
    lineage: null,
    migratedFrom: null,
  };
}
