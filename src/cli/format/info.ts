import { formatInfoCsv } from './info-csv.js';
import { groupByInstance, type InfoGroup, type InfoItems } from './info-items.js';
import { formatInfoJson } from './info-json.js';
import { formatInfoTable } from './info-table.js';
import { formatInfoYaml } from './info-yaml.js';
import type { OutputFormat } from './output-format.js';

const FORMATTERS: Record<
  OutputFormat,
  (groups: readonly InfoGroup[], errors: readonly string[]) => string
> = {
  table: formatInfoTable,
  json: formatInfoJson,
  csv: formatInfoCsv,
  yaml: formatInfoYaml,
};

/**
 * The output of `multipass info` in the shape of Multipass 1.16, for instances and snapshots together: by the
 * instance's name, the primary one first, an instance before its snapshots.
 * @throws MultipassError USAGE when both instances and snapshots are to be CSV
 */
export function formatInfo(items: InfoItems, format: OutputFormat): string {
  const groups = groupByInstance(items);
  if (format === 'table' && groups.length === 0 && items.kind === 'snapshots') {
    return 'No snapshots found.\n';
  }
  return FORMATTERS[format](groups, items.errors ?? []);
}
