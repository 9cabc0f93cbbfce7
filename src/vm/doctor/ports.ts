import { isPortPromised } from '../../store/port-holders.js';
import { collides, parsePortRow } from '../../store/port-row.js';
import { PortTable } from '../../store/port-table.js';
import { PortClaims } from '../forwards/port-claims.js';
import { portText } from '../forwards/forward-text.js';
import { rowsOfFolder } from '../macs.js';
import { portRowOf } from '../records/forward.js';
import type { Examination, ExaminedInstance } from './examination.js';
import type { Mend } from './finding.js';
import { entriesOf } from './folder-entries.js';
import { isEverybodyKnown } from './identities.js';
import { moveAside } from './mends.js';

const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Ports of the host that instances forward, and the table that keeps them apart. */
export async function checkPorts(examination: Examination): Promise<void> {
  checkTwice(examination);
  const table = new PortTable(examination.layout);
  await checkRows(examination, table);
  for (const instance of examination.instances) checkRowsOf(examination, table, instance);
}

/** Only one of them can listen: the other one starts without it. */
function checkTwice(examination: Examination): void {
  const seen: { readonly row: string; readonly uuid: string; readonly name: string }[] = [];
  for (const { name, held } of examination.instances) {
    for (const row of held?.ports ?? []) {
      const uuid = held?.uuid ?? '';
      const first = seen.find((one) => one.uuid !== uuid && collides(one.row, row));
      seen.push({ row, uuid, name });
      if (first === undefined) continue;
      examination.note('port-twice', {
        instance: name,
        path: examination.layout.instance(name).spec,
        message: `"${name}" forwards ${asText(row)}, which leads into "${first.name}" as well`,
        hint: `Take it from one of them: \`multipass forward ${name} --remove ${asText(row)}\`.`,
      });
    }
  }
}

/** The rows that an instance should have. */
function checkRowsOf(
  examination: Examination,
  table: PortTable,
  { name, held, reading }: ExaminedInstance,
): void {
  if (held === undefined || reading === undefined) return;
  const living = new Set(examination.instances.flatMap((one) => one.held?.uuid ?? []));
  for (const forward of reading.spec.forwards) {
    const row = portRowOf(forward);
    const owner = table.owner(row);
    // Another living instance's is a port that is there twice; what cannot be understood is told of by itself.
    if (owner !== undefined && (living.has(owner) || !UUID.test(owner))) continue;
    const others = examination.instances.filter((one) => one.held?.uuid !== held.uuid);
    if (others.some((one) => one.held?.ports?.some((port) => collides(port, row)))) continue;
    examination.note('port-row-missing', {
      instance: name,
      path: examination.layout.portRow(row),
      message: `the port ${asText(row)} that "${name}" forwards is not on record as its own: another could be given it`,
      hint: 'Have it claimed by `multipass doctor --fix`, or start the instance.',
      mend: async ({ layout }) => {
        await using claims = await PortClaims.ofExisting(layout, held.uuid);
        await claims.claim(forward);
      },
    });
  }
}

/** Rows that belong to nobody, and what is no row. */
async function checkRows(examination: Examination, table: PortTable): Promise<void> {
  const { layout, instances } = examination;
  const own = new Set(instances.flatMap(({ held }) => held?.ports ?? []));
  for (const row of entriesOf(layout.ports).filter((entry) => entry !== 'lock')) {
    const path = layout.portRow(row);
    if (parsePortRow(row) === undefined) {
      examination.note('unknown-file', {
        path,
        message: `"${path}" is no row of the table of ports`,
        hint: 'Remove it, if you know that you need it no more.',
      });
      continue;
    }
    const uuid = table.owner(row);
    if (uuid === undefined) continue;
    if (!UUID.test(uuid)) {
      examination.note('port-row-invalid', {
        path,
        message: `the row "${path}" does not say whose the port is`,
        hint: 'Have it put aside by `multipass doctor --fix`, which claims the port for the instance that forwards it.',
        mend: unlessUnderstood(table, row, path),
      });
      continue;
    }
    if (own.has(row) || !isEverybodyKnown(layout, examination)) continue;
    if (await isPortPromised(layout, { row, uuid }, rowsOfFolder)) continue;
    examination.note('port-row-stray', {
      path,
      message: `the port ${asText(row)} is on record as forwarded, and no instance does so`,
      hint: 'It does no harm; `multipass doctor --fix` frees it.',
      mend: async (request) => {
        if (await isPortPromised(request.layout, { row, uuid }, rowsOfFolder)) return;
        await new PortTable(request.layout).release([row], { uuid, rowsOf: rowsOfFolder });
      },
    });
  }
}

function unlessUnderstood(table: PortTable, row: string, path: string): Mend {
  return async (request) => {
    if (!UUID.test(table.owner(row) ?? '')) await moveAside(path)(request);
  };
}

function asText(row: string): string {
  const port = parsePortRow(row);
  return port === undefined ? row : portText({ ...port, hostPort: port.port });
}
