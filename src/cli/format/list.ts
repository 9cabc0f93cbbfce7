import type { InstanceState, InstanceView, Problem, Reach } from '../../index.js';
import { formatCsv } from './csv.js';
import { imageTitle, NOT_AVAILABLE } from './image-title.js';
import { formatSortedJson } from './json.js';
import { byName } from './order.js';
import { reachEntries } from './reach.js';
import type { OutputFormat } from './output-format.js';
import { formatTable, NO_VALUE } from './table.js';
import { formatYaml } from './yaml-emitter.js';

interface ListEntry {
  readonly name: string;
  readonly state: InstanceState;
  readonly ipv4: readonly string[];
  readonly release: string;
  /** Present only for one that runs. */
  readonly reachable_from?: Reach['from'];
  readonly ssh_port?: number;
  /** Present only for a Broken instance, and for one whose guest stands still. */
  readonly problem?: Readonly<Record<keyof Problem, string>>;
  /** Present only where an operation in place is not finished. */
  readonly pending?: string;
}

const COLUMNS = [
  { header: 'Name', minWidth: 24 },
  { header: 'State', width: 18 },
  { header: 'IPv4', width: 17 },
  { header: 'Image' },
];

const FORMATTERS: Record<OutputFormat, (entries: readonly ListEntry[]) => string> = {
  table: formatListTable,
  json: (entries) => formatSortedJson({ list: entries.map((entry) => ({ ...entry })) }),
  csv: formatListCsv,
  yaml: formatListYaml,
};

/**
 * The output of `multipass list` in the shape of Multipass 1.16, the primary instance first. A Broken instance is
 * listed as well; JSON and YAML say why under `problem`, table and CSV do not.
 */
export function formatList(
  views: readonly InstanceView[],
  format: OutputFormat,
  options: { primary: string },
): string {
  return FORMATTERS[format](views.toSorted(byName(options.primary)).map(toEntry));
}

function toEntry(view: InstanceView): ListEntry {
  const { name, state } = view;
  if (state === 'Broken') {
    return { name, state, ipv4: [], release: NOT_AVAILABLE, problem: view.problem };
  }
  const release = imageTitle(view.image) ?? NOT_AVAILABLE;
  const { problem, pending, runtime, reach } = view;
  const ipv4 = runtime?.ipv4 ?? [];
  return {
    ...{ name, state, ipv4, release },
    ...reachEntries(reach),
    ...(problem === undefined ? {} : { problem }),
    ...(pending === undefined ? {} : { pending }),
  };
}

function formatListTable(entries: readonly ListEntry[]): string {
  if (entries.length === 0) return 'No instances found.\n';
  const rows = entries.flatMap(({ name, state, ipv4, release, reachable_from: from }) => {
    // An address that leads nowhere.
    const shown = from === 'nothing' ? ipv4.map((address) => `(${address})`) : ipv4;
    const [first = NO_VALUE, ...others] = shown;
    return [[name, state, first, release], ...others.map((address) => ['', '', address])];
  });
  return formatTable(COLUMNS, rows);
}

function formatListCsv(entries: readonly ListEntry[]): string {
  const header = ['Name', 'State', 'IPv4', 'IPv6', 'Release', 'AllIPv4'];
  const rows = entries.map(({ name, state, ipv4, release }) => [
    ...[name, state, ipv4[0] ?? '', '', release],
    { quoted: ipv4.join(',') },
  ]);
  return formatCsv(header, rows);
}

function formatListYaml(entries: readonly ListEntry[]): string {
  if (entries.length === 0) return '\n';
  return formatYaml(
    Object.fromEntries(entries.map(({ name, ...properties }) => [name, [properties]])),
  );
}
