import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { MultipassError } from '../../errors.js';
import type { JsonPlace } from '../../files/decoder.js';
import { replaceFile } from '../../files/draft.js';
import { readRecordIfAny, recordText } from '../../files/record.js';
import { leaseOf } from '../leases.js';
import { MacAddress } from '../mac-address.js';
import type { Subnet } from '../subnet.js';

/** A card of an instance on the store's bridge: nobody else has its address, and it has no other. */
export interface KnownGuest {
  readonly mac: MacAddress;
  readonly tap: string;
  readonly address: string;
}

/** A card that is about to be plugged in. */
export type NewGuest = Pick<KnownGuest, 'mac' | 'tap'>;

const GUESTS_FILE = 'guests.json';
const TAP_NAME = /^[A-Za-z0-9_.-]{1,15}$/;
const ADDRESS = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** The first is the host, the last all of them. */
const [FIRST_ADDRESS, LAST_ADDRESS] = [2, 254] as const;

/**
 * Everybody who may be on the bridge, running or not, by address.
 * @param folder the store's network folder; it need not exist
 * @throws RecordError (RECORD_INVALID) when the record cannot be understood; MultipassError PERMISSION_DENIED
 */
export function knownGuests(folder: string): KnownGuest[] {
  const place = readRecordIfAny(join(folder, GUESTS_FILE));
  return place === undefined ? [] : place.key('guests').items().map(decodeGuest);
}

/**
 * Gives guests that are not known yet an address of the subnet for good, durably: the one that they have on lease from
 * an earlier version, else the lowest free one.
 * @returns all known guests
 * @throws MultipassError NETWORK_FAILED when all addresses are given away
 */
export async function admitGuests(
  folder: string,
  subnet: Subnet,
  guests: readonly NewGuest[],
): Promise<KnownGuest[]> {
  const before = knownGuests(folder);
  const others = before.filter(({ mac }) => !guests.some((guest) => guest.mac.equals(mac)));
  const after = [...others];
  for (const { mac, tap } of guests) {
    const old = before.find((guest) => guest.mac.equals(mac));
    const taken = new Set([...after, ...before].map(({ address }) => address));
    const address = old?.address ?? addressFor(mac, { folder, subnet, taken });
    after.push({ mac, tap, address });
  }
  return await writeGuests(folder, before, after);
}

/** Forgets a guest that is no more: its address is free again. @returns all others */
export async function forgetGuest(folder: string, gone: MacAddress): Promise<KnownGuest[]> {
  const before = knownGuests(folder);
  const after = before.filter(({ mac }) => !mac.equals(gone));
  return await writeGuests(folder, before, after);
}

/** Forgets all of them: their addresses are of another subnet. */
export async function forgetAllGuests(folder: string): Promise<void> {
  await rm(join(folder, GUESTS_FILE), { force: true });
}

function addressFor(
  mac: MacAddress,
  { folder, subnet, taken }: { folder: string; subnet: Subnet; taken: ReadonlySet<string> },
): string {
  const numbers = Array.from(
    { length: LAST_ADDRESS - FIRST_ADDRESS + 1 },
    (_, index) => FIRST_ADDRESS + index,
  );
  const free = numbers
    .map((number) => subnet.address(number))
    .filter((address) => !taken.has(address));
  const leased = leaseOf(folder, mac)?.ip;
  const [first] = free;
  if (leased !== undefined && free.includes(leased)) return leased;
  if (first !== undefined) return first;
  throw new MultipassError(
    'NETWORK_FAILED',
    `all addresses of the bridge's subnet ${subnet.toString()} are given away`,
    { hint: 'Purge instances that you need no more: each keeps its address until then.' },
  );
}

async function writeGuests(
  folder: string,
  before: readonly KnownGuest[],
  after: readonly KnownGuest[],
): Promise<KnownGuest[]> {
  const guests = after.toSorted((a, b) => numberOf(a.address) - numberOf(b.address));
  const text = recordText({ guests });
  if (text !== recordText({ guests: before })) await replaceFile(join(folder, GUESTS_FILE), text);
  return guests;
}

function numberOf(address: string): number {
  return Number(address.split('.').at(-1));
}

function decodeGuest(place: JsonPlace): KnownGuest {
  const mac = MacAddress.tryParse(place.key('mac').string());
  return {
    mac: mac ?? place.key('mac').fail('expected a MAC address'),
    tap: place.key('tap').matching(TAP_NAME, 'the name of a tap'),
    address: place.key('address').matching(ADDRESS, 'an IPv4 address'),
  };
}
