import { createHash } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { paxText } from '../../../src/files/tar/pax-records.js';
import { TarReader } from '../../../src/files/tar/tar-reader.js';
import { tarHeader } from '../../../src/files/tar/tar-header.js';
import { inPieces } from './support.js';

/** One entry of an archive, as it is to be written. */
export interface ForgedEntry {
  name: string;
  data: Buffer;
  pax: Map<string, string>;
  /** The type flag; a regular file unless it is said. */
  type?: string;
  /** What the header says of its size, where that is another than it has. */
  size?: number;
}

/** A config, as it is to be forged. */
interface ForgedConfig {
  format: number;
  name: string;
  sshUser: string;
  architecture: string;
  privateKey: string | null;
  authorizedKey: string | null;
  comment?: string;
  files: { name: string; size: number; backing: string | null; kept: string | null }[];
  interfaces: { card: number; network: string | null; auto: boolean }[];
  seed: { name: string; data: string }[];
  snapshots: object[];
}

/** A manifest, as it is to be forged. */
interface ForgedManifest {
  config: { mediaType: string };
  layers: ForgedLayer[];
  annotations: Record<string, string>;
}

/** A layer, as it is to be forged. */
export interface ForgedLayer {
  mediaType: string;
  digest: string;
  size: number;
  annotations: Record<string, string>;
}

/** An archive in its parts, to be changed and put together again with digests that are right. */
export interface ForgedArchive {
  config: ForgedConfig;
  manifest: ForgedManifest;
  index: { manifests: object[] };
  /** The chunks, and whatever else there shall be. */
  entries: ForgedEntry[];
}

/** Takes an archive of ours apart. */
export async function takeApart(archive: Buffer): Promise<ForgedArchive> {
  const entries: ForgedEntry[] = [];
  const unfit = (problem: string): Error => new Error(problem);
  const tar = new TarReader(inPieces(archive), { unfit, limits: { entries: 1000 } });
  for (let entry = await tar.next(); entry !== undefined; entry = await tar.next()) {
    entries.push({ name: entry.name, data: await tar.body(1e9), pax: new Map(entry.pax) });
  }
  const [, config, ...rest] = entries;
  const [manifest, index] = rest.slice(-2);
  return {
    config: JSON.parse(config!.data.toString()) as ForgedConfig,
    manifest: JSON.parse(manifest!.data.toString()) as ForgedManifest,
    index: JSON.parse(index!.data.toString()) as ForgedArchive['index'],
    entries: rest.slice(0, -2),
  };
}

/** A chunk of the head, as an entry and as a layer, of whatever bytes. */
export function forgedChunk(
  plain: Buffer,
  place: { file?: string; offset?: number; size?: number } = {},
): { entry: ForgedEntry; layer: ForgedLayer } {
  const { file = 'disk.qcow2', offset = 0, size = plain.length } = place;
  const data = gzipSync(plain);
  const facts = { file, offset: String(offset), size: String(size) };
  const hints = Object.entries({ ...facts, compression: 'gzip' });
  return {
    entry: {
      name: `blobs/sha256/${sha256(data)}`,
      data,
      pax: new Map(hints.map(([key, value]) => [`SCHILY.xattr.user.multipass.${key}`, value])),
    },
    layer: {
      mediaType: 'application/vnd.multipass-ts.chunk.v1+gzip',
      digest: `sha256:${sha256(data)}`,
      size: data.length,
      annotations: {
        'io.multipass-ts.file': file,
        'io.multipass-ts.offset': String(offset),
        'io.multipass-ts.size': String(size),
        'io.multipass-ts.content': `sha256:${sha256(plain)}`,
      },
    },
  };
}

/** Gives an artifact another disk, in one chunk. */
export function withDisk(forged: ForgedArchive, plain: Buffer): void {
  const { entry, layer } = forgedChunk(plain);
  forged.entries = [entry];
  forged.manifest.layers = [layer];
  forged.manifest.annotations['io.multipass-ts.sha256.disk.qcow2'] = `sha256:${sha256(plain)}`;
  forged.config.files[0]!.size = plain.length;
}

/** Puts one together. */
export function putTogether(forged: ForgedArchive): Buffer {
  const config = Buffer.from(JSON.stringify(forged.config));
  const named = (data: Buffer): object => ({ digest: `sha256:${sha256(data)}`, size: data.length });
  const manifest = Buffer.from(
    JSON.stringify({ ...forged.manifest, config: { ...forged.manifest.config, ...named(config) } }),
  );
  const index = Buffer.from(
    JSON.stringify({
      ...forged.index,
      manifests: [{ ...forged.index.manifests[0], ...named(manifest) }],
    }),
  );
  const blob = (data: Buffer, pax = new Map<string, string>()): ForgedEntry => ({
    name: `blobs/sha256/${sha256(data)}`,
    data,
    pax,
  });
  return tarOf([
    { name: 'oci-layout', data: Buffer.from('{"imageLayoutVersion":"1.0.0"}'), pax: new Map() },
    blob(config, new Map([['SCHILY.xattr.user.multipass.role', 'config']])),
    ...forged.entries,
    blob(manifest),
    { name: 'index.json', data: index, pax: new Map() },
  ]);
}

/** An archive of entries, whatever they are. */
export function tarOf(entries: readonly ForgedEntry[]): Buffer {
  const pieces = entries.flatMap(({ name, data, pax, type, size = data.length }) => {
    const header = tarHeader({ name, size, kind: 'file' });
    if (type !== undefined) header.write(type, 156, 'latin1');
    const facts = paxText(pax);
    const before =
      pax.size === 0
        ? []
        : [tarHeader({ name: 'facts', size: facts.length, kind: 'pax' }), padded(facts)];
    return [...before, summed(header), padded(data)];
  });
  return Buffer.concat([...pieces, Buffer.alloc(1024)]);
}

/** A header with the sum that it has to have. */
function summed(header: Buffer): Buffer {
  header.fill(0x20, 148, 156);
  const sum = header.reduce((all, byte) => all + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** The hex digits of a digest. */
export function sha256(data: Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}

function padded(data: Buffer): Buffer {
  return Buffer.concat([data, Buffer.alloc(-data.length & 511)]);
}
