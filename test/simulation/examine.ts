import { readImage } from './qcow2.js';

/** A file or a folder, of the model or of a real store. */
export interface Item {
  /** Of a folder. */
  readonly entries: ReadonlyMap<string, Item>;
  /** Of a file. */
  readonly data: Buffer;
  readonly mode: number;
}

/** What there is to know of an instance. */
export interface Seen {
  readonly uuid: string;
  readonly name: string;
  readonly deleted: boolean;
  /** The first bytes that its guest would read. */
  readonly content: string;
  /** Names of its snapshots. */
  readonly snapshots: readonly string[];
  readonly sourceUuid: string | null;
  readonly isAlone: boolean;
}

interface Examination {
  readonly seen: ReadonlyMap<string, Seen>;
  /** What is not as docs/store-layout.md has it. */
  readonly faults: readonly string[];
}

interface Spec {
  readonly uuid: string;
  readonly vmgenid: string;
  readonly disk: number;
  readonly deleted: boolean;
  readonly interfaces: readonly { readonly mac: string }[];
}

/**
 * Looks at a store, without a call that anybody would notice.
 * @param atRest nobody works on it, and each instance was opened once more
 * @param mayLeak a power cut may have left rows of the MAC table, which do no harm
 */
export function examine(
  root: Item,
  { atRest, mayLeak }: { readonly atRest: boolean; readonly mayLeak: boolean },
): Examination {
  const faults: string[] = [];
  const seen = new Map<string, Seen>();
  const identities = new Set<string>();
  const macs = new Set<string>();
  for (const [name, folder] of entriesOf(root, 'instances')) {
    if (folder.entries.size === 0) continue;
    try {
      const { instance, spec } = look({ name, folder, atRest, faults });
      if (seen.has(instance.uuid))
        faults.push(`${name}: the uuid of ${seen.get(instance.uuid)?.name}`);
      seen.set(instance.uuid, instance);
      for (const identity of [spec.vmgenid, ...spec.interfaces.map(({ mac }) => mac)]) {
        if (identities.has(identity)) faults.push(`${name}: ${identity} is another's, too`);
        identities.add(identity);
      }
      for (const { mac } of spec.interfaces) {
        const hex = mac.replaceAll(':', '');
        macs.add(hex);
        const row = entriesOf(root, 'macs').get(hex)?.data.toString('utf8').split('\n')[0];
        if (row !== instance.uuid)
          faults.push(`${name}: the row of ${mac} says ${row ?? 'nothing'}`);
      }
    } catch (error) {
      faults.push(`${name}: ${(error as Error).message}`);
    }
  }
  if (atRest) {
    for (const folder of ['staging', 'trash', 'locks']) {
      const left = [...entriesOf(root, folder).keys()];
      if (left.length > 0) faults.push(`${folder}: ${left.join(', ')}`);
    }
    const rows = [...entriesOf(root, 'macs').keys()].filter((row) => !macs.has(row));
    if (!mayLeak && rows.length > 0) faults.push(`macs: ${rows.join(', ')} of nobody`);
  }
  return { seen, faults };
}

function entriesOf(root: Item, folder: string): ReadonlyMap<string, Item> {
  return root.entries.get(folder)?.entries ?? new Map<string, Item>();
}

function look(about: { name: string; folder: Item; atRest: boolean; faults: string[] }): {
  instance: Seen;
  spec: Spec;
} {
  const { name, folder, atRest, faults } = about;
  const complain = (text: string): void => void faults.push(`${name}: ${text}`);
  const spec = record(folder, 'spec.json') as Spec;
  const image = record(folder, 'image-record.json') as {
    lineage: { sourceUuid: string } | null;
    migratedFrom: unknown;
  };
  const isPending = folder.entries.has('pending.json');
  const { content, bases, size, tags } = chainOf(folder);
  const records = [...(folder.entries.get('snapshots')?.entries ?? [])].filter(([file]) =>
    /^\d{4}\.json$/.test(file),
  );
  const snapshots = records.map(
    ([, inode]) => JSON.parse(inode.data.toString('utf8')) as { name: string; index: number },
  );
  if (!isPending) {
    if (size !== spec.disk) complain(`the disk has ${size} bytes, not ${spec.disk}`);
    const wanted = snapshots.map(({ index }) => `@s${index}`).sort();
    if (wanted.join(' ') !== [...tags].sort().join(' ')) {
      complain(`records of ${wanted.join(' ')}, tags ${tags.join(' ')}`);
    }
  }
  // An old Multipass made its seed.
  const isBroughtOver = image.lineage === null && image.migratedFrom !== null;
  if (!isBroughtOver) checkSeed(folder, spec, image.lineage !== null, complain);
  if (atRest) {
    if (isPending) complain('something is pending');
    for (const [file, inode] of folder.entries) {
      if (/\.new$|\.json\.\d+$|^\.claim$/.test(file)) complain(`${file} is left over`);
      if (!/^base-.*\.qcow2$/.test(file)) continue;
      if (!bases.includes(file)) complain(`nothing stands on ${file}`);
      if (inode.mode !== 0o444) complain(`${file} has the mode ${inode.mode.toString(8)}`);
    }
  }
  const { uuid, deleted } = spec;
  const instance = {
    ...{ uuid, name, deleted, content, isAlone: bases.length === 0 },
    snapshots: snapshots.map((snapshot) => snapshot.name).sort(),
    sourceUuid: image.lineage?.sourceUuid ?? null,
  };
  return { instance, spec };
}

function record(folder: Item, file: string): unknown {
  const inode = folder.entries.get(file);
  if (inode === undefined) throw new Error(`${file} is missing`);
  try {
    return JSON.parse(inode.data.toString('utf8'));
  } catch {
    throw new Error(`${file} of ${inode.data.length} bytes is no record`);
  }
}

function chainOf(folder: Item): {
  content: string;
  bases: string[];
  size: number;
  tags: readonly string[];
} {
  const bases: string[] = [];
  const head = readImage(fileOf(folder, 'disk.qcow2'));
  let { content } = head;
  for (let { backing } = head; backing !== undefined;) {
    if (bases.includes(backing)) throw new Error(`${backing} stands on itself`);
    bases.push(backing);
    const base = readImage(fileOf(folder, backing));
    content ??= base.content;
    ({ backing } = base);
  }
  return { content: content ?? 'nothing', bases, size: head.size, tags: head.tags };
}

function fileOf(folder: Item, file: string): Buffer {
  const data = folder.entries.get(file)?.data;
  if (data === undefined) throw new Error(`${file} is missing`);
  return data;
}

function checkSeed(
  folder: Item,
  spec: Spec,
  isClone: boolean,
  complain: (text: string) => void,
): void {
  const seed = fileOf(folder, 'cloud-init-config.iso').toString('latin1');
  for (const { mac } of spec.interfaces)
    if (!seed.includes(mac)) complain(`the seed has not ${mac}`);
  if (isClone && !seed.includes(spec.uuid)) complain('the seed has another instance-id');
}
