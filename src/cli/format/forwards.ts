import type { Forward, ForwardView } from '../../index.js';
import { formatCsv } from './csv.js';
import { formatSortedJson } from './json.js';
import type { OutputFormat } from './output-format.js';
import { formatTable } from './table.js';
import { formatYaml } from './yaml-emitter.js';

const COLUMNS = ['Instance', 'Host', 'Port', 'Protocol', 'State', 'Blocked by'].map((header) => ({
  header,
}));
const CSV_HEADER = [
  ...['Instance', 'Address', 'Host port', 'Port', 'Protocol', 'State', 'Blocked by instance'],
  ...['Blocked by program', 'Blocked by pid'],
];

/** The output of `multipass forwards`, in the order given. */
export function formatForwards(views: readonly ForwardView[], format: OutputFormat): string {
  switch (format) {
    case 'table':
      return views.length === 0
        ? 'No ports are forwarded.\n'
        : formatTable(COLUMNS, views.map(tableRow));
    case 'csv':
      return formatCsv(CSV_HEADER, views.map(csvRow));
    case 'json':
      return formatSortedJson({ forwards: views.map(viewJson) });
    case 'yaml':
      return formatYaml({ forwards: views.map(viewJson) });
  }
}

/** A forward of `multipass info`: `127.0.0.1:8080 => 80 (active)`. */
export function forwardLine(view: ForwardView): string {
  const { address, hostPort, guestPort, protocol, state } = view;
  const by = blockerText(view);
  const how = protocol === 'tcp' ? '' : '/udp';
  return `${address}:${hostPort} => ${guestPort}${how} (${state}${by === '' ? '' : ` by ${by}`})`;
}

/** A forward, and what has become of it, as JSON. */
export function viewJson({ instance, blockedBy, state, ...forward }: ForwardView) {
  return {
    instance,
    ...forwardJson(forward),
    state,
    blocked_by: blockedBy === null ? null : { ...blockedBy },
  };
}

/** A forward as JSON. */
export function forwardJson(forward: Forward) {
  const { address, hostPort, guestPort, protocol } = forward;
  return { address, host_port: hostPort, guest_port: guestPort, protocol };
}

function tableRow(view: ForwardView): string[] {
  const { instance, address, hostPort, guestPort, protocol, state } = view;
  const host = `${address}:${hostPort}`;
  return [instance, host, String(guestPort), protocol, state, blockerText(view)];
}

function csvRow(view: ForwardView): string[] {
  const { instance, address, hostPort, guestPort, protocol, state, blockedBy } = view;
  return [
    ...[instance, address, String(hostPort), String(guestPort), protocol, state],
    ...[blockedBy?.instance ?? '', blockedBy?.program ?? '', String(blockedBy?.pid ?? '')],
  ];
}

function blockerText({ blockedBy }: ForwardView): string {
  if (blockedBy === null) return '';
  const { instance, program, pid } = blockedBy;
  if (instance !== null) return instance;
  return program === null ? '' : `${program} (pid ${pid ?? ''})`;
}
