import { JsonPlace } from '../../files/decoder.js';
import type { Work } from '../../work.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { titleOf } from './describe-name.js';
import type { ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';
import { ovfAmong, readOva } from './read-ova.js';

const LARGEST = 64 * 1024;
const METADATA = 'metadata.json';
/** What every Vagrant box lets in, by a key that everybody has. */
const USER = 'vagrant';

/** Whether files are those of a box of Vagrant. */
export function isVagrant({ names }: Members): boolean {
  return names.has(METADATA) && (names.has('Vagrantfile') || names.has('box.img') || hasOvf(names));
}

function hasOvf(names: ReadonlySet<string>): boolean {
  return [...names].some((name) => /\.ovf$/i.test(name));
}

/**
 * Reads a box of Vagrant for the providers libvirt (qemu) and virtualbox.
 * @throws MultipassError ARTIFACT_INVALID, RECORD_INVALID, DISK_FULL, ABORTED
 */
export async function readVagrant(
  members: Members,
  { work }: { readonly work: Work },
): Promise<ForeignMachine> {
  const { origin } = members;
  const text = (await members.read(METADATA, LARGEST)).toString('utf8');
  const provider = decodeProvider(text, origin);
  if (['virtualbox', 'vmware_desktop'].includes(provider.name)) {
    const ovf = ovfAmong(members);
    if (ovf === undefined) throw artifactInvalid(origin, 'it has no description of its machine');
    const machine = await readOva(members, { ovf, work });
    noteLogin(machine.notes);
    return { ...machine, kind: 'vagrant', user: USER };
  }
  if (!['libvirt', 'qemu', 'kvm'].includes(provider.name)) {
    const known = 'a box for libvirt or virtualbox can be imported';
    throw artifactInvalid(origin, `it is for "${provider.name}"`, `Fetch another one: ${known}.`);
  }
  const [disk, ...others] = provider.disks;
  const notes = new LossNotes();
  for (const name of others) notes.lose('disk', name, 'import that disk by itself');
  noteLogin(notes);
  return {
    kind: 'vagrant',
    title: titleOf(origin),
    cpus: null,
    memory: null,
    disk: { path: await members.path(disk), origin: `${origin}: ${disk}`, layer: null },
    user: USER,
    os: '',
    release: '',
    notes,
  };
}

function noteLogin(notes: LossNotes): void {
  notes.lose('Vagrantfile', 'settings of Vagrant', '`multipass set`, `mount` and `forward`');
  notes.check.push(
    'a box lets in "vagrant" by a key that everybody has: give that key with `--ssh-key`, and put another in its place',
  );
}

interface Provider {
  readonly name: string;
  readonly disks: readonly [string, ...string[]];
}

/** What `metadata.json` says. @throws RecordError @internal for its tests */
export function decodeProvider(text: string, origin: string): Provider {
  const place = JsonPlace.parse(`${origin}: ${METADATA}`, text);
  const name = place.key('provider').matching(/^[a-z0-9_-]{1,64}$/, 'the name of a provider');
  const list = place.key('disks');
  const [first = 'box.img', ...rest] = list.isAbsent()
    ? []
    : list.items().map((disk) => disk.key('path').matching(/^[^/\0]{1,255}$/, 'a plain name'));
  return { name, disks: [first, ...rest] };
}
