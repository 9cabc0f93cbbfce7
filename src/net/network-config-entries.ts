import { MacAddress } from './mac-address.js';
import type { SeedMapping } from './seed-document.js';

/** An interface of an instance whose MAC changes. */
export interface InterfaceChange {
  readonly old: MacAddress;
  readonly new: MacAddress;
  /** Its place in the spec: 0 is the default interface, i + 1 the extra one number i. */
  readonly index: number;
  /** False for Multipass's `mode=manual`: the guest's owner configures it, not cloud-init. */
  readonly auto: boolean;
}

/** An entry of `ethernets`, with the MAC it matched before anything was changed. */
export interface Entry {
  readonly name: string;
  readonly body: SeedMapping;
  readonly mac: MacAddress | null;
}

/** What has to be done to the entries besides the substitution of MACs. */
export interface EntryPlan {
  /** Entries that belong to an interface by their name alone. */
  readonly byName: readonly (readonly [InterfaceChange, Entry])[];
  /** Interfaces without an entry that have to have one. */
  readonly missing: readonly InterfaceChange[];
  /** Entries of Multipass for interfaces that are not there, or that have another entry. */
  readonly stale: readonly Entry[];
}

/** Names by Multipass after 1.16. */
const ETH = /^eth\d+$/;
/** Names by Multipass up to 1.16. */
const LABEL = /^(?:default|extra\d+)$/;

/** The entries in the order of the document; `renderer` and other plain settings between them are none. */
export function entriesOf(ethernets: SeedMapping): Entry[] {
  const names = ethernets.keys().filter((name) => ethernets.text(name) === null);
  return names.map((name) => {
    const body = ethernets.ensureMapping(name);
    const mac = body.mapping('match')?.text('macaddress') ?? '';
    return { name, body, mac: MacAddress.tryParse(mac) };
  });
}

/**
 * Finds the entry of each interface: by its old MAC, else by a name that Multipass gives, when the MAC there is of no
 * interface of the instance. Manual interfaces may do without one.
 * @param interfaces in the order of their index
 */
export function planEntries(
  entries: readonly Entry[],
  interfaces: readonly InterfaceChange[],
): EntryPlan {
  const foreign = entries.filter((entry) => !interfaces.some(({ old }) => entry.mac?.equals(old)));
  const byName: (readonly [InterfaceChange, Entry])[] = [];
  const missing: InterfaceChange[] = [];
  const doubles: Entry[] = [];
  for (const item of interfaces) {
    const same = entries.filter(({ mac }) => mac?.equals(item.old) === true);
    const [keeper, ...others] = same.sort((a, b) => rankOf(a.name) - rankOf(b.name));
    doubles.push(...others.filter(({ name }) => isGenerated(name)));
    if (keeper !== undefined || !isConfigured(item)) continue;
    const names = [ethName(ethNumber(item, interfaces)), labelName(item.index)];
    const named = names.map((name) => foreign.find((entry) => entry.name === name));
    const entry = named.find((found) => found !== undefined);
    if (entry === undefined) missing.push(item);
    else byName.push([item, entry]);
  }
  const taken = new Set(byName.map(([, entry]) => entry));
  const left = foreign.filter(
    (entry) => isGenerated(entry.name) && entry.mac !== null && !taken.has(entry),
  );
  return { byName, missing, stale: [...doubles, ...left] };
}

/**
 * Adds an entry as Multipass writes it: named `eth<N>`, with `set-name`, where such names are in use, else `default`
 * or `extra<i>`; the next free one when another interface has that name.
 */
export function addEntry(
  ethernets: SeedMapping,
  item: InterfaceChange,
  ethNames: { readonly inUse: boolean; readonly number: number },
): void {
  const taken = entriesOf(ethernets).flatMap(({ name, body }) => [name, body.text('set-name')]);
  const nameOf = ethNames.inUse ? ethName : labelName;
  let number = ethNames.inUse ? ethNames.number : item.index;
  while (taken.includes(nameOf(number))) number += 1;
  ethernets.set(nameOf(number), {
    match: { macaddress: item.new.toString() },
    dhcp4: true,
    'dhcp-identifier': 'mac',
    ...(item.index === 0 ? {} : { 'dhcp4-overrides': { 'route-metric': 200 }, optional: true }),
    ...(ethNames.inUse ? { 'set-name': nameOf(number) } : {}),
  });
}

/** The number in `eth<N>`: consecutive over the interfaces that cloud-init configures. */
export function ethNumber(item: InterfaceChange, interfaces: readonly InterfaceChange[]): number {
  return interfaces.filter(isConfigured).indexOf(item);
}

/** Whether a name is of the generation after 1.16. */
export function isEthName(name: string): boolean {
  return ETH.test(name);
}

function isGenerated(name: string): boolean {
  return ETH.test(name) || LABEL.test(name);
}

/** Which of two entries for one interface stays: the user's own, else that of the newer Multipass. */
function rankOf(name: string): number {
  if (!isGenerated(name)) return 0;
  return isEthName(name) ? 1 : 2;
}

function isConfigured(item: InterfaceChange): boolean {
  return item.auto || item.index === 0;
}

function ethName(number: number): string {
  return `eth${number}`;
}

function labelName(index: number): string {
  return index === 0 ? 'default' : `extra${index - 1}`;
}
