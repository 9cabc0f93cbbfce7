import type { HostNetwork } from '../../index.js';
import { formatCsv } from './csv.js';
import { formatSortedJson } from './json.js';
import type { OutputFormat } from './output-format.js';
import { formatTable } from './table.js';
import { formatYaml } from './yaml-emitter.js';

const COLUMNS = [{ header: 'Name' }, { header: 'Type' }, { header: 'Description' }];

/** The output of `multipass networks`, in the order given. */
export function formatNetworks(networks: readonly HostNetwork[], format: OutputFormat): string {
  const rows = networks.map(({ name, type, description }) => ({ name, type, description }));
  switch (format) {
    case 'table':
      if (rows.length === 0) return 'No network interfaces found.\n';
      return formatTable(
        COLUMNS,
        rows.map(({ name, type, description }) => [name, type, description]),
      );
    case 'json':
      return formatSortedJson({ list: rows });
    case 'csv':
      return formatCsv(
        COLUMNS.map(({ header }) => header),
        rows.map(({ name, type, description }) => [name, type, { quoted: description }]),
      );
    case 'yaml':
      if (rows.length === 0) return '\n';
      return formatYaml(Object.fromEntries(rows.map(({ name, ...rest }) => [name, [rest]])));
  }
}
