import type { FoundImage } from '../../index.js';
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
  { header: 'Image', minWidth: 28 },
  { header: 'Aliases', minWidth: 18 },
  { header: 'Version', minWidth: 17 },
  { header: 'Description' },
];

/** What is shown of all there is to find. Blueprints, which Multipass 1.16 still has a key for, there are none. */
export type FindKind = 'all' | 'images' | 'blueprints';

const BLUEPRINTS = 'blueprints (deprecated)';

const FORMATTERS: Record<OutputFormat, (entries: readonly FindEntry[], kind: FindKind) => string> =
  {
    table: formatFindTable,
    json: (entries, kind) => formatSortedJson(dataOf(entries, kind)),
    csv: formatFindCsv,
    yaml: (entries, kind) => formatYaml(dataOf(entries, kind)),
  };

/**
 * The output of `multipass find`: the remote that need not be named first, each one's images by their names. Names of
 * one letter, and `default`, are not shown. What was searched for is called as it was asked for, without other names,
 * where no other image of its remote was found as well.
 * @param search what was searched for; '' for all there is
 */
export function formatFind(
  images: readonly FoundImage[],
  format: OutputFormat,
  { search = '', kind = 'all' }: { readonly search?: string; readonly kind?: FindKind } = {},
): string {
  const remotes = images.map(({ remote }) => remote);
  const isOne = (of: string): boolean => remotes.filter((remote) => remote === of).length === 1;
  const entries = images.map((image) =>
    toEntry(search !== '' && isOne(image.remote) ? { ...image, aliases: [search] } : image),
  );
  return FORMATTERS[format](entries.sort(compareEntries), kind);
}

function dataOf(entries: readonly FindEntry[], kind: FindKind) {
  return {
    errors: [],
    ...(kind === 'images' ? {} : { [BLUEPRINTS]: {} }),
    ...(kind === 'blueprints' ? {} : { images: byName(entries) }),
  };
}

function toEntry({ remote, aliases, os, title, version, id }: FoundImage): FindEntry {
  const shown = aliases.length === 1 ? aliases : aliases.filter(isShown);
  const [name = id.slice(0, SHOWN_ID), ...others] = shown;
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

function formatFindTable(entries: readonly FindEntry[], kind: FindKind): string {
  if (kind === 'blueprints') return 'No blueprints found.\n';
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
