import { atOnce } from '../../at-once.js';
import type { BaseWhereabouts } from './base-whereabouts.js';
import { basePrint } from './base-print.js';
import type { ExportDisk } from './export-disks.js';
import type { Chunk, TravelManifest } from './manifest.js';
import type { RegistryCarrier } from './registry-carrier.js';
import type { UnreadFile } from './write-files.js';

interface KnownBase extends UnreadFile {
  readonly repository: string;
}

/**
 * Bases that need not be read for a push, since they were for an earlier one: what was in them stands in the manifest
 * that this store made then, and which is fetched by its digest; nothing has touched them since, as their prints tell.
 * Manifests of others are never believed so: what they say of a base may not be what is in it.
 */
export class UnreadBases {
  readonly #prints: ReadonlyMap<string, string>;
  readonly #paths: ReadonlyMap<string, string>;
  readonly #known = new Map<string, KnownBase>();

  /** To be made before anything is read. */
  constructor(bases: readonly ExportDisk[]) {
    this.#paths = new Map(bases.map(({ name, path }) => [name, path]));
    this.#prints = new Map(
      bases.flatMap(({ name, path }) => {
        const print = basePrint(path);
        return print === undefined ? [] : [[name, print] as const];
      }),
    );
  }

  /** Learns from a manifest that was fetched by the digest which whereabouts say. */
  learn({ chunks, files }: TravelManifest, { read, repository }: BaseWhereabouts): void {
    for (const [base, print] of read ?? []) {
      const digest = files.get(base);
      if (digest === undefined || this.#prints.get(base) !== print) continue;
      const own = chunks.filter(({ file }) => file === base);
      this.#known.set(base, { digest, chunks: own, repository });
    }
  }

  /**
   * Hands a base over without reading it.
   * @param least how large its chunks have to be, in bytes, but for the last
   * @returns undefined where it has to be read
   */
  async handOver(
    base: string,
    { carrier, least }: { readonly carrier: RegistryCarrier; readonly least: number },
  ): Promise<UnreadFile | undefined> {
    const known = this.#known.get(base);
    if (known === undefined || !isCutSo(known.chunks, least)) return undefined;
    const { repository, chunks } = known;
    const refused = new Set<Chunk>();
    await atOnce(chunks, MOST_AT_ONCE, async (chunk) => {
      // A registry that has not taken one over is not asked for all the others.
      if (refused.size === 0 && !(await carrier.reuse(chunk, repository))) refused.add(chunk);
    });
    return refused.size === 0 ? known : undefined;
  }

  /** The prints of those that were not touched while they were pushed. */
  untouched(): ReadonlyMap<string, string> {
    return new Map(
      [...this.#prints].filter(([base, print]) => basePrint(this.#paths.get(base) ?? '') === print),
    );
  }
}

const MOST_AT_ONCE = 6;

/** A finer cut than is needed would make more chunks than a manifest may have. */
function isCutSo(chunks: readonly Chunk[], least: number): boolean {
  const last = chunks.reduce((end, { offset }) => Math.max(end, offset), 0);
  return chunks.every(({ size, offset }) => size >= least || offset === last);
}
