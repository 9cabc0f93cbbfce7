import { statfs, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { fromSystemError, MultipassError } from '../errors.js';
import { createFile, replaceFile } from '../files/draft.js';
import { readRecordIfAny, recordText } from '../files/record.js';
import type { StoreLayout } from './layout.js';
import { newToken, thisMachine } from './maker-token.js';

/**
 * File systems that several hosts may have at the same time, by the numbers of statfs(2), linux/magic.h and the file
 * systems' own headers. The locks of most do not reach the other host. FUSE may be anything: sshfs, virtiofs, gluster.
 */
const SHARED_FILE_SYSTEMS: ReadonlySet<number> = new Set([
  0x6969, // NFS
  0x517b, // SMB
  0xff534d42, // CIFS
  0xfe534d42, // SMB2 and later
  0x01021997, // 9p
  0x65735546, // FUSE, virtiofs
  0x5346414f, // AFS, OpenAFS
  0x6b414653, // AFS, the kernel's own
  0x00c36400, // Ceph
  0x0bd00bd0, // Lustre
  0x47504653, // GPFS
  0x01161970, // GFS2
  0x7461636f, // OCFS2
  0x73757245, // Coda
  0x786f4256, // folders of VirtualBox
  0xbacbacbc, // folders of VMware
  0xaad7aaea, // PanFS
  0x013111a8, // IBRIX
  0x19830326, // FhGFS, BeeGFS
]);

/** Who a store on a shared file system belongs to: the record `host`. */
interface Host {
  readonly machine: string;
  readonly name: string;
}

/**
 * Makes sure that a store is changed by one host alone: where another one could have the same folder, the first host
 * that changes it writes down who it is. On a local file system nothing is written, and nothing is compared.
 * @throws MultipassError STORE_OF_ANOTHER_HOST; RecordError when `host` cannot be read; DISK_FULL, IO_ERROR, …
 */
export async function requireOwnHost(layout: StoreLayout): Promise<void> {
  if (!(await isShared(layout))) return;
  const us = thisHost();
  const owner = readHost(layout);
  if (owner === undefined) {
    const make = (draft: string): Promise<void> =>
      writeFile(draft, hostText(us), { mode: 0o600, flag: 'wx' });
    const options = { draft: draftOf(layout), doing: 'note whose store it is', make };
    if (await createFile(layout.hostFile, options)) return;
  }
  const now = owner ?? readHost(layout);
  if (now === undefined || (now.machine === us.machine && now.name === us.name)) return;
  throw new MultipassError(
    'STORE_OF_ANOTHER_HOST',
    `the store "${layout.root}" is on a file system that other hosts may share, and belongs to the host "${now.name}"`,
    {
      hint:
        `Use it there, or copy what you need to a store of this host, "${us.name}". When "${now.name}" is gone for ` +
        'good, and none of its instances runs, repeat the command with --take-over.',
      details: { path: layout.root, host: now.name },
    },
  );
}

/**
 * Makes this host the owner of a store that was another one's. Does nothing on a local file system, or where there is
 * no store.
 * @throws MultipassError DISK_FULL, IO_ERROR, …
 */
export async function takeOverStore(layout: StoreLayout): Promise<void> {
  if (readRecordIfAny(layout.formatFile) === undefined || !(await isShared(layout))) return;
  await replaceFile(layout.hostFile, hostText(thisHost()), {
    draft: draftOf(layout),
    doing: 'take the store over',
  });
}

/** Whether a store is on a file system that several hosts may have at once. @throws MultipassError IO_ERROR, … */
export async function isShared({ root }: StoreLayout): Promise<boolean> {
  try {
    return SHARED_FILE_SYSTEMS.has((await statfs(root)).type);
  } catch (error) {
    throw fromSystemError(error, 'look at the file system of the store', root);
  }
}

function thisHost(): Host {
  return { machine: thisMachine(), name: hostname() };
}

function hostText(host: Host): string {
  return recordText({ ...host, since: new Date().toISOString() });
}

function readHost(layout: StoreLayout): Host | undefined {
  const place = readRecordIfAny(layout.hostFile);
  if (place === undefined) return undefined;
  return { machine: place.key('machine').string(), name: place.key('name').string() };
}

/** Beside it, for a store that is just being made has no other folder yet. */
function draftOf(layout: StoreLayout): string {
  return `${layout.hostFile}.${newToken()}`;
}
