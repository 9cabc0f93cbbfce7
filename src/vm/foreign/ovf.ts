import { childrenOf, elementAt, readXml, type XmlElement } from '../../xml.js';
import { LossNotes } from '../loss-report.js';
import { artifactInvalid } from '../travel/artifact-error.js';
import { MOST_CPUS, MOST_MEMORY, wholeNumber } from './foreign-machine.js';

/** What an OVF says of its machine, as far as we have a use for it. */
export interface OvfMachine {
  readonly title: string | null;
  readonly cpus: number | null;
  /** Bytes. */
  readonly memory: number | null;
  /** The names of the files of its disks, the one that it boots from first. */
  readonly disks: readonly [string, ...string[]];
  readonly notes: LossNotes;
}

/** What an item of the hardware is, by DMTF's CIM_ResourceAllocationSettingData.ResourceType. */
const RESOURCE = { cpu: '3', memory: '4', card: '10', cd: '15', dvd: '16', disk: '17' };
/** Items that every machine has in some way, and ours too. */
const USUAL = new Set(['3', '4', '5', '6', '10', '14', '15', '16', '17', '20', '24']);

/**
 * Reads an OVF (DSP0243) of one machine: processors, memory, disks, network cards, firmware.
 * @param origin what it is of, for messages
 * @throws MultipassError ARTIFACT_INVALID for what is none, or has no disk
 */
export function readOvf(text: string, origin: string): OvfMachine {
  const fail = (problem: string): never => {
    throw artifactInvalid(origin, `as an OVF, ${problem}`, HINT);
  };
  const envelope = parse(text, fail);
  if (envelope.name !== 'Envelope') fail(`it is a <${envelope.name}>`);
  const systems = systemsOf(envelope);
  const [system] = systems;
  if (system === undefined) return fail('it describes no machine');
  const notes = new LossNotes();
  if (systems.length > 1) {
    notes.lose('machines', `${systems.length - 1} more`, 'export each of them by itself');
  }
  const hardware = elementAt(system, 'VirtualHardwareSection') ?? fail('it has no hardware');
  const items = hardware.children.filter(({ name }) =>
    ['Item', 'StorageItem', 'EthernetPortItem'].includes(name),
  );
  const memory = memoryOf(items, fail);
  const cpus = wholeNumber(quantityOf(items, RESOURCE.cpu), 1, MOST_CPUS);
  noteCards(items, notes);
  noteFirmware(hardware, notes);
  noteOthers(items, notes);
  const title = textAt(system, 'Name') ?? system.attributes.get('id') ?? null;
  return { title, cpus, memory, disks: disksOf(envelope, items, fail), notes };
}

const HINT = 'Export it again from the program that it is of, as one machine.';

function parse(text: string, fail: (problem: string) => never): XmlElement {
  try {
    return readXml(text);
  } catch (error) {
    return fail((error as Error).message);
  }
}

function systemsOf(envelope: XmlElement): XmlElement[] {
  return envelope.children.flatMap((child) =>
    child.name === 'VirtualSystem'
      ? [child]
      : child.name === 'VirtualSystemCollection'
        ? childrenOf(child, 'VirtualSystem')
        : [],
  );
}

function textAt(element: XmlElement, name: string): string | undefined {
  const text = elementAt(element, name)?.text.trim();
  return text === '' ? undefined : text;
}

function ofType(items: readonly XmlElement[], type: string): XmlElement[] {
  return items.filter((item) => textAt(item, 'ResourceType') === type);
}

function quantityOf(items: readonly XmlElement[], type: string): string | undefined {
  const [item] = ofType(items, type);
  return item === undefined ? undefined : textAt(item, 'VirtualQuantity');
}

/** In bytes; the unit is `byte * 2^20`, or an older way to say it. */
function memoryOf(items: readonly XmlElement[], fail: (problem: string) => never): number | null {
  const [item] = ofType(items, RESOURCE.memory);
  const quantity = wholeNumber(quantityOf(items, RESOURCE.memory), 1, MOST_MEMORY);
  if (item === undefined || quantity === null) return null;
  const bytes = quantity * unitOf(textAt(item, 'AllocationUnits') ?? 'byte * 2^20', fail);
  return bytes <= MOST_MEMORY ? bytes : null;
}

const UNITS: Readonly<Record<string, number>> = {
  byte: 1,
  bytes: 1,
  kilobytes: 1024,
  kb: 1024,
  megabytes: 1024 ** 2,
  mb: 1024 ** 2,
  gigabytes: 1024 ** 3,
  gb: 1024 ** 3,
};

function unitOf(text: string, fail: (problem: string) => never): number {
  const power = /^byte\s*\*\s*2\s*\^\s*([0-9]{1,2})$/i.exec(text)?.[1];
  if (power !== undefined && Number(power) <= 40) return 2 ** Number(power);
  const unit = text.toLowerCase();
  if (Object.hasOwn(UNITS, unit)) return UNITS[unit] ?? 1;
  return fail(`its unit of memory ${JSON.stringify(text)} is not known`);
}

function noteCards(items: readonly XmlElement[], notes: LossNotes): void {
  const cards = ofType(items, RESOURCE.card);
  const kinds = cards.map((card) => textAt(card, 'ResourceSubType') ?? 'network card');
  const [first] = kinds;
  if (first !== undefined) {
    notes.change('network card', [first, 'virtio-net'], 'its MAC address is a new one');
  }
  if (kinds.length > 1) {
    const instead = 'none: an instance that is imported has one card';
    notes.lose('network cards', `${kinds.length - 1} more`, instead);
  }
}

function noteFirmware(hardware: XmlElement, notes: LossNotes): void {
  const isEfi = hardware.children.some(
    ({ name, attributes }) =>
      name === 'Config' &&
      attributes.get('key') === 'firmware' &&
      attributes.get('value')?.toLowerCase() === 'efi',
  );
  if (isEfi) notes.change('firmware', ['EFI', 'BIOS'], 'it starts only if its disk can do both');
}

function noteOthers(items: readonly XmlElement[], notes: LossNotes): void {
  for (const item of items) {
    const type = textAt(item, 'ResourceType') ?? '';
    if (USUAL.has(type)) continue;
    const what = textAt(item, 'ElementName') ?? `a device of type ${type}`;
    notes.lose('device', what.slice(0, 80), 'a server has no need of it, as a rule');
  }
}

/** Disks by their items, in the order of their addresses; where no item leads to one, as the files stand there. */
function disksOf(
  envelope: XmlElement,
  items: readonly XmlElement[],
  fail: (problem: string) => never,
): [string, ...string[]] {
  const files = new Map(
    (elementAt(envelope, 'References')?.children ?? []).map(({ attributes }) => [
      attributes.get('id') ?? '',
      attributes,
    ]),
  );
  const disks = new Map(
    (elementAt(envelope, 'DiskSection')?.children ?? []).map(({ attributes }) => [
      attributes.get('diskId') ?? '',
      attributes,
    ]),
  );
  const wanted = [...ofType(items, RESOURCE.disk)]
    .sort((one, other) => addressOf(one) - addressOf(other))
    .flatMap((item) => textAt(item, 'HostResource')?.split('/').at(-1) ?? []);
  const ids = wanted.length > 0 ? wanted : [...disks.keys()];
  const names = ids.flatMap((id) => {
    const disk = disks.get(id);
    if ((disk?.get('parentRef') ?? '') !== '') fail('one of its disks stands on another');
    const file = files.get(disk === undefined ? id : (disk.get('fileRef') ?? ''));
    if (file?.get('chunkSize') !== undefined) fail('one of its disks is in several files');
    return file?.get('href') ?? [];
  });
  const [first, ...rest] = names;
  return first === undefined ? fail('it has no disk') : [first, ...rest];
}

function addressOf(item: XmlElement): number {
  return Number(textAt(item, 'AddressOnParent') ?? '0') || 0;
}
