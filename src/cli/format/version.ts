import { formatCsv } from './csv.js';
import { formatSortedJson } from './json.js';
import type { OutputFormat } from './output-format.js';
import { formatYaml } from './yaml-emitter.js';

/** The output of `multipass version`: Multipass's, without what it says of its daemon, which does not exist here. */
export function formatVersion(version: string, format: OutputFormat): string {
  switch (format) {
    case 'table':
      return `${'multipass'.padEnd(12)}${version}\n`;
    case 'json':
      return formatSortedJson({ multipass: version });
    case 'yaml':
      return formatYaml({ multipass: version });
    case 'csv':
      return formatCsv(
        ['Multipass', 'Multipassd', 'Title', 'Description', 'URL'],
        [[version, '', '', '', '']],
      );
  }
}
