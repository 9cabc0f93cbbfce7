import type { StoreLayout } from '../../store/layout.js';
import { instanceEntryNames } from '../../store/listing.js';
import { InstanceDir } from '../../store/instance-dir.js';
import { isLiving } from '../../store/living.js';
import { MacTable } from '../../store/mac-table.js';
import { claimOf, isMacRow } from '../../store/claim.js';
import { MacClaims, rowsOfFolder } from '../macs.js';
import { isRunning } from '../read-instance.js';
import type { Examination, ExaminedInstance } from './examination.js';
import type { Mend } from './finding.js';
import { entriesOf } from './folder-entries.js';
import { sweepStore, whileLocked } from './mends.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** MAC addresses, and the table that keeps them apart. What has one uuid is a copy, of which the records tell. */
export async function checkIdentities(examination: Examination): Promise<void> {
  const { layout, instances } = examination;
  checkTwice(examination);
  const table = new MacTable(layout);
  if (await table.isMissing()) {
    examination.note('folder-missing', {
      path: layout.macs,
      message: 'the table of MAC addresses is missing',
      hint: 'It is made again from the instances, by `multipass doctor --fix` or by the next change.',
      mend: sweepStore,
    });
    return;
  }
  await checkRows(examination, table);
  const living = new Set(instances.flatMap(({ held }) => held?.uuid ?? []));
  for (const instance of instances) checkRowsOf(examination, { table, living, instance });
}

function checkTwice(examination: Examination): void {
  const holders = new Map<string, Map<string, string>>();
  for (const { name, held } of examination.instances) {
    for (const row of held?.rows ?? []) {
      const byUuid = holders.get(row) ?? new Map<string, string>();
      if (!byUuid.has(held?.uuid ?? '')) byUuid.set(held?.uuid ?? '', name);
      holders.set(row, byUuid);
    }
  }
  for (const [row, byUuid] of holders) {
    const [first, ...others] = byUuid.values();
    for (const name of others) {
      examination.note('mac-twice', {
        instance: name,
        path: examination.layout.instance(name).spec,
        message: `"${name}" has the MAC address ${asText(row)}, which "${first ?? ''}" has as well`,
        hint: `Give one of them another address in its spec.json and its seed; or clone "${name}", and purge it.`,
      });
    }
  }
}

interface RowsToCheck {
  readonly table: MacTable;
  /** The uuids of all instances. */
  readonly living: ReadonlySet<string>;
  readonly instance: ExaminedInstance;
}

/** The rows that an instance should have. */
function checkRowsOf(examination: Examination, { table, living, instance }: RowsToCheck): void {
  const { layout } = examination;
  const { name, dir, held, reading } = instance;
  if (held === undefined || reading === undefined) return;
  const claim: Mend = async (request) => {
    // Nobody would give back what is claimed for one that was purged, or has moved, since it was read.
    const rows = await rowsOfFolder(dir);
    if (rows?.uuid !== held.uuid) return;
    await using claims = MacClaims.ofExisting(request.layout, { uuid: held.uuid, dir });
    await claims.adopt(rows.rows, reading);
  };
  // Who purges a running one ends it first.
  const adopt: Mend = (request) =>
    isRunning(dir) ? claim(request) : whileLocked(name, claim)(request);
  for (const row of held.rows) {
    const holder = table.holder(row);
    // A row that cannot be understood is told of by itself; another living instance's is a MAC that is there twice.
    if (holder !== undefined && (holder.uuid === held.uuid || living.has(holder.uuid))) continue;
    if (holder !== undefined && !UUID.test(holder.uuid)) continue;
    const path = layout.macRow(row);
    if (holder === undefined) {
      examination.note('mac-row-missing', {
        instance: name,
        path,
        message: `the MAC address ${asText(row)} of "${name}" has no row in the table: another could be given it`,
        hint: 'Have it claimed by `multipass doctor --fix`, or start the instance.',
        mend: adopt,
      });
    } else if (isEverybodyKnown(layout, examination)) {
      examination.note('mac-row-foreign', {
        instance: name,
        path,
        message: `the row of the MAC address ${asText(row)} of "${name}" names an instance that there is not`,
        hint: 'Have it put right by `multipass doctor --fix`; until then "start" refuses it.',
        mend: async (request) => {
          await releaseRow(request.layout, row, holder.uuid);
          await adopt(request);
        },
      });
    }
  }
}

/** Rows that belong to nobody, and what is no row. */
async function checkRows(examination: Examination, table: MacTable): Promise<void> {
  const { layout, instances } = examination;
  const inUse = new Set(instances.flatMap(({ held }) => held?.rows ?? []));
  const living = new Set(instances.flatMap(({ held }) => held?.uuid ?? []));
  for (const row of entriesOf(layout.macs)) {
    const path = layout.macRow(row);
    if (!isMacRow(row)) {
      examination.note('unknown-file', {
        path,
        message: `"${path}" is no row of the table of MAC addresses`,
        hint: 'Remove it, if you know that you need it no more.',
      });
      continue;
    }
    const uuid = table.owner(row);
    if (uuid === undefined) continue;
    if (!UUID.test(uuid)) {
      examination.note('mac-row-invalid', {
        path,
        message: `the row "${path}" does not say whose the MAC address is`,
        hint: 'Have it put aside by `multipass doctor --fix`, which claims the address for the instance that has it.',
        mend: async (request) => {
          if (!UUID.test(table.owner(row) ?? '')) await request.lost.moveAside(path);
        },
      });
    } else if (!living.has(uuid) && !inUse.has(row) && isEverybodyKnown(layout, examination)) {
      if ((await claimed(layout)).has(row)) continue;
      examination.note('mac-row-stray', {
        path,
        message: `the MAC address ${asText(row)} is on record as that of an instance that there is not`,
        hint: 'It does no harm; `multipass doctor --fix` frees it.',
        mend: (request) => releaseRow(request.layout, row, uuid),
      });
    }
  }
}

/** Only where every folder says who it is, nobody's row can be told from that of somebody who cannot be read. */
export function isEverybodyKnown(layout: StoreLayout, { instances }: Examination): boolean {
  const known = new Set(instances.flatMap(({ name, held }) => (held === undefined ? [] : name)));
  return instanceEntryNames(layout).every(
    (name) => known.has(name) || entriesOf(layout.instance(name).path).length === 0,
  );
}

/** The rows of what is in the making. */
async function claimed(layout: StoreLayout): Promise<Set<string>> {
  const rows = new Set<string>();
  for (const token of [...entriesOf(layout.staging), ...entriesOf(layout.trash)]) {
    for (const folder of [layout.staged(token), layout.trashed(token)]) {
      const dir = new InstanceDir(folder);
      for (const held of [await claimOf(dir), await rowsOfFolder(dir)]) {
        for (const row of held?.rows ?? []) rows.add(row);
      }
    }
  }
  return rows;
}

/** Frees a row, if its instance has not appeared meanwhile. */
async function releaseRow(layout: StoreLayout, row: string, uuid: string): Promise<void> {
  if (await isLiving(layout, uuid, rowsOfFolder)) return;
  if ((await claimed(layout)).has(row)) return;
  await new MacTable(layout).release(row, uuid);
}

function asText(row: string): string {
  return row.match(/../g)?.join(':') ?? row;
}
