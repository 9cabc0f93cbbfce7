import { MultipassError } from '../errors.js';
import type { MacAddress } from './mac-address.js';
import {
  addEntry,
  entriesOf,
  ethNumber,
  isEthName,
  planEntries,
  type Entry,
  type InterfaceChange,
} from './network-config-entries.js';
import { ownNetworkConfig } from './own-network-config.js';
import { SeedDocument, type SeedMapping } from './seed-document.js';
import { fixedAddresses, resetStaticAddresses } from './static-addresses.js';

export type { InterfaceChange } from './network-config-entries.js';

/** Kinds of devices besides `ethernets` that may ask for an address by DHCP. */
const OTHER_KINDS = ['wifis', 'bonds', 'bridges', 'vlans'];
/** What Multipass itself writes into an entry. */
const GENERATED_KEYS = [
  'match',
  'dhcp4',
  'dhcp-identifier',
  'dhcp4-overrides',
  'optional',
  'set-name',
];

/** What becomes of a network-config. */
export interface NetworkChange {
  readonly interfaces: readonly InterfaceChange[];
  /** True: it is for a second machine, beside that of the file. What both would have is told. */
  readonly isCopy?: boolean;
  /** True: static addresses give way to DHCP. */
  readonly resetAddresses?: boolean;
}

/**
 * A network-config with other MACs, for the same interfaces on another machine. Whatever generation it is of, its
 * shape, order, comments and the user's own keys stay:
 *
 * - every scalar that is an old MAC becomes the new one, all at once, so that addresses may be swapped;
 * - each interface that cloud-init configures has an entry, the default one always; entries that Multipass made for
 *   interfaces that are not there go;
 * - `dhcp-identifier: mac` on every device that uses DHCP, and on every Ethernet one: the guest's DUID comes from its
 *   machine-id, which a copy has in common with its source until its first boot is over.
 *
 * A missing one is made in the shape of Multipass 1.15. Version 1 of the format gets the new MACs only, and a warning.
 *
 * @param text the file, or null when there is none
 * @param path the file, for messages
 * @throws MultipassError SEED_INVALID naming the path and the place
 */
export function retargetNetworkConfig(
  text: string | null,
  change: NetworkChange,
  path: string,
): { text: string; warnings: string[] } {
  const interfaces = change.interfaces.toSorted((a, b) => a.index - b.index);
  const own = retargetOwn(text, interfaces);
  if (own !== undefined) return { text: own, warnings: [] };
  const document = SeedDocument.parse(text ?? '', path);
  const network = networkOf(document);
  const shared = (): string[] => {
    const own = new Set(interfaces.map((item) => item.new.toString()));
    return change.isCopy === true ? fixedAddresses(network, own) : [];
  };
  if (network.text('version') === '1' || network.has('config')) {
    replaceMacs(document, interfaces);
    const warning = `"${path}" is of version 1, which has no dhcp-identifier: only the MAC addresses were changed`;
    return { text: document.toString(), warnings: [warning, ...shared()] };
  }
  const empty = (network.mapping('ethernets')?.keys().length ?? 0) === 0;
  if (empty && !network.has('version')) network.set('version', 2);
  const stale = retargetEthernets(document, network.ensureMapping('ethernets'), interfaces);
  if (change.resetAddresses === true) resetStaticAddresses(network);
  identifyByMac(network);
  const losses = stale.flatMap((entry) => lossOf(entry, path));
  return { text: document.toString(), warnings: [...losses, ...shared()] };
}

/**
 * The network-config of a new instance, in the shape of Multipass 1.15.
 * @param interfaces those of the spec, in its order
 */
export function newNetworkConfig(
  interfaces: readonly { readonly mac: MacAddress; readonly auto: boolean }[],
): string {
  return ownNetworkConfig(interfaces.map((item, index) => ({ ...item, index })));
}

/** A file that is as we write it for those interfaces, and so has nothing that has to be kept or told. */
function retargetOwn(
  text: string | null,
  interfaces: readonly InterfaceChange[],
): string | undefined {
  const had = interfaces.map((item) => ({ ...item, mac: item.old }));
  // Which entry is whose is not known by the MAC alone then.
  if (new Set(had.map(({ mac }) => mac.toHex())).size < had.length) return undefined;
  if (text !== ownNetworkConfig(had)) return undefined;
  return ownNetworkConfig(interfaces.map((item) => ({ ...item, mac: item.new })));
}

/** The entries that match a MAC, in the order of the document; none when it cannot be read. */
export function macsOfNetworkConfig(
  text: string,
  path: string,
): { name: string; mac: MacAddress }[] {
  try {
    const ethernets = networkOf(SeedDocument.parse(text, path)).mapping('ethernets');
    const entries = ethernets === null ? [] : entriesOf(ethernets);
    return entries.flatMap(({ name, mac }) => (mac === null ? [] : [{ name, mac }]));
  } catch (error) {
    if (error instanceof MultipassError) return [];
    throw error;
  }
}

/** cloud-init reads the configuration with and without netplan's `network` around it. */
function networkOf({ root }: SeedDocument): SeedMapping {
  return root.has('network') ? root.ensureMapping('network') : root;
}

/** @returns the entries that were dropped */
function retargetEthernets(
  document: SeedDocument,
  ethernets: SeedMapping,
  interfaces: readonly InterfaceChange[],
): readonly Entry[] {
  const entries = entriesOf(ethernets);
  const { byName, missing, stale } = planEntries(entries, interfaces);
  // Before any new MAC is written, for it may be the old one of another interface.
  replaceMacs(document, interfaces);
  for (const { name } of stale) ethernets.delete(name);
  for (const [item, { body }] of byName) {
    body.ensureMapping('match').set('macaddress', item.new.toString());
  }
  const inUse = entries.some(({ name }) => isEthName(name));
  for (const item of missing) {
    addEntry(ethernets, item, { inUse, number: ethNumber(item, interfaces) });
  }
  return stale;
}

function replaceMacs(document: SeedDocument, interfaces: readonly InterfaceChange[]): void {
  const changes = new Map(interfaces.map((item) => [item.old.toString(), item.new.toString()]));
  document.replaceTexts((text) => changes.get(text.toLowerCase()));
}

function identifyByMac(network: SeedMapping): void {
  const others = OTHER_KINDS.flatMap((kind) => {
    const devices = network.mapping(kind);
    return devices === null ? [] : entriesOf(devices).filter(({ body }) => body.isOn('dhcp4'));
  });
  for (const { body } of [...entriesOf(network.ensureMapping('ethernets')), ...others]) {
    body.set('dhcp-identifier', 'mac', 'dhcp4');
  }
}

function lossOf({ name, body }: Entry, path: string): string[] {
  const own = body.keys().filter((key) => !GENERATED_KEYS.includes(key));
  if (own.length === 0) return [];
  return [`the stale entry "${name}" of "${path}" was dropped, with its own ${own.join(', ')}`];
}
