import { formatMemorySize } from '../../command-line.js';
import type { Mount, SnapshotView } from '../../index.js';
import { forwardLine } from './forwards.js';
import { imageTitle, NOT_AVAILABLE } from './image-title.js';
import { formatIdMaps, type InfoGroup, type InstanceDetails } from './info-items.js';
import { reachLines } from './reach.js';
import { STATE_OF_DISK } from './state-of-disk.js';
import { NO_VALUE, printable } from './table.js';

const LABEL_WIDTH = 16;
const HASH_LENGTH = 12;

/** One block of labelled lines for each item, with a blank line between them. */
export function formatInfoTable(groups: readonly InfoGroup[]): string {
  if (groups.length === 0) return 'No instances found.\n';
  const blocks = groups.flatMap(({ instance, snapshots }) => [
    ...(instance === null ? [] : [instanceBlock(instance)]),
    ...snapshots.map(snapshotBlock),
  ]);
  return blocks.join('\n');
}

function instanceBlock(instance: InstanceDetails): string {
  const { name, state, problem, pending, snapshotCount, runtime } = instance;
  const start = [field('Name', name), field('State', state), ...problemLines(problem)];
  if (state === 'Broken') return start.join('');
  return [
    ...start,
    ...(pending === null ? [] : [field('Pending', pending)]),
    field('Snapshots', String(snapshotCount)),
    field('IPv4', ...reachLines(runtime.ipv4, instance.reach)),
    field('Release', runtime.release),
    field('Image hash', hashText(instance)),
    field('CPU(s)', String(runtime.cpuCount ?? '')),
    field('Load', runtime.load.join(' ')),
    field('Disk usage', usage(runtime.diskUsed, runtime.diskTotal)),
    field('Memory usage', usage(runtime.memoryUsed, runtime.memoryTotal)),
    field('Mounts', ...mountLines(instance.mounts)),
    ...(instance.forwards.length === 0
      ? []
      : [field('Forwards', ...instance.forwards.map(forwardLine))]),
  ].join('');
}

function problemLines(problem: InstanceDetails['problem']): string[] {
  if (problem === null) return [];
  const place = problem.at === '' ? problem.path : `${problem.path} at ${problem.at}`;
  return [field('File', place), field('Problem', problem.message), field('Hint', problem.hint)];
}

function snapshotBlock({ instance, record, parent, hasMemory, children }: SnapshotView): string {
  return [
    field('Snapshot', record.name),
    field('Instance', instance),
    field('CPU(s)', String(record.cpus)),
    field('Disk space', formatMemorySize(record.disk)),
    field('Memory size', formatMemorySize(record.memory)),
    field('Mounts', ...record.mounts.map(({ source, target }) => `${source} => ${target}`)),
    field('Created', localTime(record.created)),
    field('Parent', parent ?? ''),
    field('Children', ...children),
    field('Comment', ...record.comment.split('\n')),
    ...(record.consistency === undefined ? [] : [field('Disk', STATE_OF_DISK[record.consistency])]),
    ...(hasMemory ? [field('Memory', 'saved')] : []),
  ].join('');
}

/** A label and its lines below each other; without any text, `--`. */
function field(label: string, ...lines: readonly string[]): string {
  const shown = lines.join('') === '' ? [NO_VALUE] : lines;
  return shown
    .map((line, at) => (at === 0 ? `${label}:` : '').padEnd(LABEL_WIDTH) + printable(line))
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}

function hashText({ image }: InstanceDetails): string {
  if (image.id === '') return NOT_AVAILABLE;
  const title = imageTitle(image);
  return image.id.slice(0, HASH_LENGTH) + (title === null ? '' : ` (${title})`);
}

function usage(used: number | null, total: number | null): string {
  if (used === null || total === null) return '';
  return `${formatMemorySize(used)} out of ${formatMemorySize(total)}`;
}

function mountLines(mounts: readonly Mount[]): string[] {
  const width = Math.max(...mounts.map(({ source }) => source.length));
  return mounts.flatMap(({ source, target, uidMappings, gidMappings }) => [
    `${source.padEnd(width)} => ${target}`,
    ...(uidMappings.length === 0 ? [] : [`    UID map: ${formatIdMaps(uidMappings).join(', ')}`]),
    ...(gidMappings.length === 0 ? [] : [`    GID map: ${formatIdMaps(gidMappings).join(', ')}`]),
  ]);
}

/** `Wed Nov 15 12:35:13 2023 GMT+0100`: C's `%c %Z` with a zone that says its offset. */
function localTime(created: string): string {
  const time = new Date(created);
  if (Number.isNaN(time.getTime())) return created;
  const [weekday, month, day, year, clock, zone] = time.toString().split(' ');
  return [weekday, month, day, clock, year, zone].join(' ');
}
