import { childrenOf, elementAt, readXml, type XmlElement } from '../../xml.js';
import { streamArchitecture } from '../images/architecture.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { MOST_CPUS, MOST_MEMORY, wholeNumber, type ForeignMachine } from './foreign-machine.js';
import type { Members } from './members.js';

/** What a domain of libvirt says, as far as we have a use for it. */
export interface LibvirtDomain {
  readonly title: string | null;
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  /** The name of the file of its first disk, without the folder that it was in. */
  readonly disk: string;
  readonly isRaw: boolean;
  readonly notes: LossNotes;
}

const LARGEST = 1024 ** 2;
const DUMP = 'Write it again with `virsh dumpxml --inactive …`.';

/**
 * Reads what `virsh dumpxml` writes. Of the paths in it no more is taken than the name of a file.
 * @throws MultipassError ARTIFACT_INVALID
 * @internal for its tests
 */
export function readDomain(text: string, origin: string): LibvirtDomain {
  const fail = (problem: string): never => {
    throw artifactInvalid(origin, `as a domain of libvirt, ${problem}`, DUMP);
  };
  let domain: XmlElement;
  try {
    domain = readXml(text);
  } catch (error) {
    return fail((error as Error).message);
  }
  if (domain.name !== 'domain') fail(`it is a <${domain.name}>`);
  requireArchitecture(domain, fail);
  const notes = new LossNotes();
  const [disk, ...others] = disksOf(domain);
  if (disk === undefined) return fail('it has no disk that is a file');
  for (const { file } of others) {
    notes.lose('disk', file, 'import that disk by itself, and copy what it has into this one');
  }
  noteDevices(domain, notes);
  return {
    title: elementAt(domain, 'name')?.text.trim() ?? null,
    cpus: wholeNumber(elementAt(domain, 'vcpu')?.text, 1, MOST_CPUS),
    memory: memoryOf(elementAt(domain, 'memory')),
    disk: disk.file,
    isRaw: disk.isRaw,
    notes,
  };
}

/**
 * Reads a domain, and takes its disk from beside its description.
 * @throws MultipassError ARTIFACT_INVALID
 */
export async function readLibvirt(members: Members, xml: string): Promise<ForeignMachine> {
  const { origin, names } = members;
  const domain = readDomain((await members.read(xml, LARGEST)).toString('utf8'), origin);
  const { disk, isRaw, title, cpus, memory, notes } = domain;
  if (!names.has(disk)) {
    throw artifactInvalid(
      origin,
      `its disk "${disk}" is not beside it`,
      'Copy that disk into the folder of the XML: paths in it are not followed.',
    );
  }
  const path = await members.path(disk);
  return {
    kind: 'libvirt',
    ...{ title, cpus, memory, notes },
    disk: { path, origin: `${origin}: ${disk}`, isRaw, layer: null },
    user: null,
    os: '',
    release: '',
  };
}

function requireArchitecture(domain: XmlElement, fail: (problem: string) => never): void {
  const said = elementAt(domain, 'os', 'type')?.attributes.get('arch') ?? '';
  const known: Readonly<Record<string, string>> = { x86_64: 'amd64', aarch64: 'arm64' };
  const own = streamArchitecture();
  const architecture = Object.hasOwn(known, said) ? known[said] : said;
  if (said !== '' && architecture !== own) fail(`it is for ${said}, and this host is ${own}`);
}

function disksOf(domain: XmlElement): { file: string; isRaw: boolean }[] {
  const devices = elementAt(domain, 'devices');
  if (devices === undefined) return [];
  return childrenOf(devices, 'disk').flatMap((disk) => {
    const device = disk.attributes.get('device') ?? 'disk';
    const path = elementAt(disk, 'source')?.attributes.get('file') ?? '';
    const file = path.slice(path.lastIndexOf('/') + 1);
    if (device !== 'disk' || file === '' || file === '..' || file === '.') return [];
    const isRaw = elementAt(disk, 'driver')?.attributes.get('type') === 'raw';
    return [{ file, isRaw }];
  });
}

const UNITS: Readonly<Record<string, number>> = {
  b: 1,
  bytes: 1,
  KB: 1e3,
  k: 1024,
  KiB: 1024,
  MB: 1e6,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  GB: 1e9,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
  T: 1024 ** 4,
  TiB: 1024 ** 4,
};

/** In bytes; without a unit it is in KiB. */
function memoryOf(element: XmlElement | undefined): number | null {
  const number = wholeNumber(element?.text, 1, MOST_MEMORY);
  const unit = element?.attributes.get('unit') ?? 'KiB';
  if (number === null || !Object.hasOwn(UNITS, unit)) return null;
  return wholeNumber(number * (UNITS[unit] ?? 1), 1, MOST_MEMORY);
}

function noteDevices(domain: XmlElement, notes: LossNotes): void {
  const devices = elementAt(domain, 'devices');
  if (devices === undefined) return;
  const loader = elementAt(domain, 'os', 'loader');
  const os = elementAt(domain, 'os');
  if (loader !== undefined || os?.attributes.get('firmware') === 'efi') {
    notes.change('firmware', ['EFI', 'BIOS'], 'it starts only if its disk can do both');
  }
  const cards = childrenOf(devices, 'interface');
  if (cards.length > 0) {
    const model = elementAt(cards[0] ?? devices, 'model')?.attributes.get('type') ?? 'unknown';
    notes.change('network card', [model, 'virtio-net'], 'its MAC address is a new one');
  }
  if (cards.length > 1) {
    notes.lose(
      'network cards',
      `${cards.length - 1} more`,
      'none: an instance that is imported has one card',
    );
  }
  for (const folder of childrenOf(devices, 'filesystem').slice(0, 20)) {
    const path = elementAt(folder, 'source')?.attributes.get('dir') ?? '';
    notes.lose('mount', path.slice(0, 200), '`multipass mount` of that folder');
  }
  for (const name of ['hostdev', 'tpm', 'redirdev', 'smartcard']) {
    const count = childrenOf(devices, name).length;
    if (count > 0) notes.lose('device', `${name} (${count})`, 'there is none for it');
  }
}
