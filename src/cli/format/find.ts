import type { FoundImage } from '../../vm/images/find-images.js';
import { formatCsv } from './csv.js';
import { imageTitle } from './image-title.js';
import { formatSortedJson } from './json.js';
import { compareText } from './order.js';
import type { OutputFormat } from './output-format.js';
import { formatTable } from './table.js';
import { formatYaml } from './yaml-emitter.js';

interface FindEntry {
  /** What it is launched by: the first of its names, or the beginning of its hash. */
  readonly name: string;
  /** '' for the remote that need not be named. */
  readonly remote: string;
  /** Its further names. */
  readonly aliases: readonly string[];
  readonly os: string;
  readonly release: string;
  readonly version: string;
}

const UNNAMED_REMOTE = 'release';
const SHOWN_ID = 12;

const COLUMNS = [
  { header: 'Image', width: 28 },
  { header: 'Aliases', width: 18 },
  { header: 'Version', width: 17 },
  { header: 'Description' },
];

const FORMATTERS: Record<OutputFormat, (entries: readonly FindEntry[]) => string> = {
  table: formatFindTable,
  json: (entries) => formatSortedJson({ errors: [], images: byName(entries) }),
  csv: formatFindCsv,
  yaml: (entries) => formatYaml({ errors: [], images: byName(entries) }),
};

/**
 * The output of `multipass find`: the remote that need not be named first, each one's images by their names. Names of
 * one letter, and `default`, are not shown.
 */
export function formatFind(images: readonly FoundImage[], format: OutputFormat): string {
  return FORMATTERS[format](images.map(toEntry).sort(compareEntries));
}

function toEntry({ remote, aliases, os, title, version, id }: FoundImage): FindEntry {
  const [name = id.slice(0, SHOWN_ID), ...others] = aliases.filter(isShown);
  return {
    name,
    remote: remote === UNNAMED_REMOTE ? '' : remote,
    aliases: others,
    os,
    release: title,
    version,
  };
}

function isShown(alias: string): boolean {
  return alias.length > 1 && alias !== 'default';
}

/** By the full names of the remotes, backwards. */
function compareEntries(a: FindEntry, b: FindEntry): number {
  const [first, second] = [a, b].map(({ remote }) => (remote === '' ? UNNAMED_REMOTE : remote));
  return compareText(second ?? '', first ?? '') || compareText(a.name, b.name);
}

function fullName({ remote, name }: FindEntry): string {
  return remote === '' ? name : `${remote}:${name}`;
}

function formatFindTable(entries: readonly FindEntry[]): string {
  if (entries.length === 0) return 'No images found.\n';
  const rows = entries.map((entry) => [
    ...[fullName(entry), entry.aliases.join(','), entry.version],
    imageTitle(entry) ?? '',
  ]);
  return `${formatTable(COLUMNS, rows)}\n`;
}

function formatFindCsv(entries: readonly FindEntry[]): string {
  const header = ['Image', 'Remote', 'Aliases', 'OS', 'Release', 'Version', 'Type'];
  const rows = entries.map(({ name, remote, aliases, os, release, version }) => [
    ...[name, remote, aliases.join(';'), os, release, version],
    'Cloud Image',
  ]);
  return formatCsv(header, rows);
}

function byName(entries: readonly FindEntry[]) {
  return Object.fromEntries(
    entries.map((entry) => {
      const { os, release, version, aliases, remote } = entry;
      return [fullName(entry), { os, release, version, aliases, remote }];
    }),
  );
}
