import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { throwIfAborted } from '../../abort.js';
import type { Work } from '../../work.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import type { ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';
import { readOvf, type OvfMachine } from './ovf.js';

const LARGEST_OVF = 1024 ** 2;
const LARGEST_LIST = 256 * 1024;

/** The description of a machine among files; undefined when there is none. */
export function ovfAmong({ names }: Members): string | undefined {
  return [...names].find((name) => /\.ovf$/i.test(name) && !name.includes('/'));
}

/**
 * Reads the machine of an OVA, or of the files of one: what its list of digests (`.mf`) names has to be what it says.
 * @throws MultipassError ARTIFACT_INVALID, DISK_FULL, ABORTED
 */
export async function readOva(
  members: Members,
  { ovf, work }: { readonly ovf: string; readonly work: Work },
): Promise<ForeignMachine> {
  const { origin } = members;
  const text = (await members.read(ovf, LARGEST_OVF)).toString('utf8');
  const machine = readOvf(text, origin);
  const [first, ...others] = machine.disks;
  // A file is named by what stands in the archive beside the description, and never by a path or a URL.
  if (!members.names.has(first)) {
    throw artifactInvalid(origin, `its disk ${JSON.stringify(first)} is not in it`);
  }
  await checkList(members, { machine, ovf, disk: first, work });
  for (const name of others) {
    const instead = 'import that disk by itself, and copy what it has into this one';
    machine.notes.lose('disk', name.slice(0, 100), instead);
  }
  return {
    kind: 'ova',
    title: machine.title,
    cpus: machine.cpus,
    memory: machine.memory,
    disk: { path: await members.path(first), origin: `${origin}: ${first}`, layer: null },
    user: null,
    os: '',
    release: '',
    notes: machine.notes,
  };
}

const LINE = /^\s*(SHA1|SHA256|SHA512)\s*\(([^)]{1,255})\)\s*=\s*([0-9a-fA-F]{40,128})\s*$/;

async function checkList(
  members: Members,
  {
    machine,
    ovf,
    disk,
    work,
  }: {
    readonly machine: OvfMachine;
    readonly ovf: string;
    readonly disk: string;
    readonly work: Work;
  },
): Promise<void> {
  const { origin, names } = members;
  const list = ovf.replace(/\.ovf$/i, '.mf');
  if (!names.has(list)) {
    machine.notes.check.push('it has no list of digests (.mf), so nothing was compared with one');
    return;
  }
  const lines = (await members.read(list, LARGEST_LIST)).toString('utf8').split(/\r?\n/);
  const digests = new Map<string, readonly [algorithm: string, digest: string]>();
  for (const line of lines) {
    if (line.trim() === '') continue;
    const [, algorithm = '', name = '', digest = ''] = LINE.exec(line) ?? [];
    if (name === '') throw artifactInvalid(origin, `a line of its "${list}" cannot be read`);
    digests.set(name, [algorithm.toLowerCase(), digest.toLowerCase()]);
  }
  work.begin('verifying');
  for (const name of [ovf, disk]) {
    const wanted = digests.get(name);
    if (wanted === undefined)
      throw artifactInvalid(origin, `its "${list}" does not name "${name}"`);
    const [algorithm, digest] = wanted;
    const found = await digestOf(await members.path(name), algorithm, work.signal);
    if (found === digest) continue;
    throw artifactInvalid(origin, `its "${name}" is not what its "${list}" says: it is damaged`);
  }
  machine.notes.keep('digests', `${ovf} and ${disk} are what ${list} says`);
}

async function digestOf(
  path: string,
  algorithm: string,
  signal: AbortSignal | undefined,
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of createReadStream(path, { highWaterMark: 1024 ** 2 })) {
    throwIfAborted(signal);
    hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}
