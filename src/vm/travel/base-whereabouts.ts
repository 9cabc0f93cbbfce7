import type { JsonPlace } from '../../files/decoder.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { decodeDigest, type Digest } from '../../files/digest.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import { withRecordLock } from '../../store/record-lock.js';

/** Where in a registry bases of this store are: a manifest that names their chunks. */
export interface BaseWhereabouts {
  readonly registry: string;
  readonly repository: string;
  /** Of the manifest of the instance. */
  readonly digest: Digest;
  /** The names of the bases in its folder, which are the same in all that stand on them. */
  readonly bases: readonly string[];
  /**
   * Bases that were read whole for this manifest, which is of our own making, and their prints when they were: while
   * they have these, what it says of them is so.
   */
  readonly read?: ReadonlyMap<string, string> | undefined;
}

/** As many as there may be; the oldest go. */
const MOST = 64;
/** How many of them are asked for in one push. */
const MOST_ASKED = 3;

/**
 * Where bases with these names may be in a registry, the newest first. What cannot be read is as good as nothing: then
 * they are sent again.
 */
export function whereaboutsOf(
  layout: StoreLayout,
  registry: string,
  bases: readonly string[],
): BaseWhereabouts[] {
  return read(layout)
    .filter((one) => one.registry === registry && one.bases.some((base) => bases.includes(base)))
    .slice(0, MOST_ASKED);
}

/** Notes where bases are now. @throws MultipassError DISK_FULL, STORE_READ_ONLY, ABORTED, … */
export async function noteWhereabouts(
  layout: StoreLayout,
  found: BaseWhereabouts,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (found.bases.length === 0) return;
  await withRecordLock(layout.registriesLock, signal, async () => {
    const isOther = ({ registry, repository, bases }: BaseWhereabouts): boolean =>
      registry !== found.registry ||
      repository !== found.repository ||
      bases.some((base) => !found.bases.includes(base));
    const bases = [found, ...read(layout).filter(isOther)].slice(0, MOST);
    await replaceRecord(layout.registriesFile, {
      bases: bases.map((one) => ({ ...one, read: Object.fromEntries(one.read ?? []) })),
    });
  });
}

function read(layout: StoreLayout): BaseWhereabouts[] {
  try {
    const place = readRecordIfAny(layout.registriesFile);
    if (place === undefined) return [];
    return place
      .key('bases')
      .items(MOST)
      .map((one) => ({
        registry: one.key('registry').string(),
        repository: one.key('repository').string(),
        digest: decodeDigest(one.key('digest')),
        bases: one
          .key('bases')
          .items(256)
          .map((base) => base.string()),
        read: decodeRead(one.key('read')),
      }));
  } catch (error) {
    log('debug', 'store', `"${layout.registriesFile}" is of no use: ${String(error)}`);
    return [];
  }
}

function decodeRead(place: JsonPlace): ReadonlyMap<string, string> {
  if (place.isAbsent()) return new Map();
  return new Map(
    Object.keys(place.object()).map((base) => [
      base,
      place.key(base).matching(/^\d+(?::\d+){4}$/, 'a print'),
    ]),
  );
}
