import type { SnapshotView } from '../../index.js';
import { formatCsv } from './csv.js';
import { formatSortedJson } from './json.js';
import { byCreation, compareText } from './order.js';
import type { OutputFormat } from './output-format.js';
import { formatTable, NO_VALUE } from './table.js';
import { formatYaml } from './yaml-emitter.js';

const COLUMNS = ['Instance', 'Snapshot', 'Parent', 'Comment'].map((header) => ({ header }));
const MAX_COMMENT = 50;

const FORMATTERS: Record<OutputFormat, (snapshots: readonly SnapshotView[]) => string> = {
  table: formatSnapshotTable,
  json: (snapshots) => formatSortedJson({ errors: [], info: snapshotsByInstance(snapshots) }),
  csv: formatSnapshotCsv,
  yaml: formatSnapshotYaml,
};

/**
 * The output of `multipass list --snapshots` in the shape of Multipass 1.16, by instance, then by age. Comments are
 * cut at the end of their first line or at 50 characters in the table, and whole elsewhere.
 */
export function formatSnapshotList(
  snapshots: readonly SnapshotView[],
  format: OutputFormat,
): string {
  const sorted = snapshots.toSorted(
    (a, b) => compareText(a.instance, b.instance) || byCreation(a, b),
  );
  return FORMATTERS[format](sorted);
}

function formatSnapshotTable(snapshots: readonly SnapshotView[]): string {
  if (snapshots.length === 0) return 'No snapshots found.\n';
  const rows = snapshots.map(({ instance, record, parent }) => [
    ...[instance, record.name, parent ?? NO_VALUE],
    shorten(record.comment) || NO_VALUE,
  ]);
  return formatTable(COLUMNS, rows);
}

/** Counts characters as code points, so as to cut none in half. */
function shorten(comment: string): string {
  const [firstLine = ''] = comment.split('\n', 1);
  const characters = Array.from(firstLine);
  if (firstLine === comment && characters.length <= MAX_COMMENT) return comment;
  return `${characters.slice(0, MAX_COMMENT - 1).join('')}…`;
}

function snapshotsByInstance(snapshots: readonly SnapshotView[]) {
  return mapByInstance(snapshots, (ofInstance) =>
    Object.fromEntries(
      ofInstance.map(({ record, parent }) => [
        record.name,
        { parent: parent ?? '', comment: record.comment },
      ]),
    ),
  );
}

function formatSnapshotCsv(snapshots: readonly SnapshotView[]): string {
  const header = COLUMNS.map((column) => column.header);
  const rows = snapshots.map(({ instance, record, parent }) => [
    ...[instance, record.name, parent ?? ''],
    { quoted: record.comment },
  ]);
  return formatCsv(header, rows);
}

function formatSnapshotYaml(snapshots: readonly SnapshotView[]): string {
  if (snapshots.length === 0) return '\n';
  return formatYaml(
    mapByInstance(snapshots, (ofInstance) =>
      ofInstance.map(({ record, parent }) => ({
        [record.name]: [{ parent, comment: record.comment || null }],
      })),
    ),
  );
}

function mapByInstance<T>(
  snapshots: readonly SnapshotView[],
  map: (ofInstance: readonly SnapshotView[]) => T,
): Record<string, T> {
  const names = [...new Set(snapshots.map(({ instance }) => instance))];
  return Object.fromEntries(
    names.map((name) => [name, map(snapshots.filter(({ instance }) => instance === name))]),
  );
}
