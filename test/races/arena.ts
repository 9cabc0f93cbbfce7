import { access, mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { StoreLayout } from '../../src/store/layout.js';
import { examine, type Seen } from '../simulation/examine.js';
import type { FirstStore } from '../simulation/fixture.js';
import { knownAtFirst } from '../simulation/known-at-first.js';
import { settleAll } from '../simulation/settle-all.js';
import { learn, verify, type Known } from '../simulation/verify.js';
import type { Attempt } from '../simulation/command.js';
import { violationsOf } from '../support/independent-check.js';
import { exportedFile, IMPORTED, OLD, type Place } from './deeds.js';
import { itemAt, putStore } from './real-store.js';

/** More instances than that are a store that is not gone on with. */
const MOST = 16;

const IMPORT = new RegExp(`^${IMPORTED}\\d+$`);

/** What was done in a round. */
export interface Done {
  readonly attempts: readonly Attempt[];
  /** Numbers of the exports, and whether they succeeded; undefined: killed. */
  readonly exports: ReadonlyMap<number, boolean | undefined>;
}

/** A store, and what is known of it. */
export class Arena {
  readonly place: Place;
  #known: ReadonlyMap<string, Known>;

  private constructor(place: Place, known: ReadonlyMap<string, Known>) {
    this.place = place;
    this.#known = known;
  }

  /** A store of its own, as the simulation begins with. */
  static async open(first: FirstStore, place: Place): Promise<Arena> {
    await mkdir(place.folder);
    putStore(first, place.root);
    return new Arena(place, knownAtFirst(look(place.root, true).seen));
  }

  get names(): string[] {
    return [...this.#known.values()].map(({ name }) => name);
  }

  /** Whether there is still something to be at odds over, and not too much of it. */
  get isWorthwhile(): boolean {
    return this.names.length >= 2 && this.names.length <= MOST;
  }

  /**
   * Looks at the store when all have ended: as it is, and when one more command has been run on each instance.
   * @returns what is not as it should be
   */
  async examine({ attempts, exports }: Done): Promise<string[]> {
    const layout = new StoreLayout(this.place.root);
    const faults = [...look(layout.root, false).faults, ...(await violations(layout, false))];
    await settleAll(layout.root);
    const { seen: after, faults: left } = look(layout.root, true);
    faults.push(...left, ...(await violations(layout, true)));
    const known = this.#known;
    const isStranger = ({ uuid, name }: Seen): boolean =>
      !known.has(uuid) && (name === OLD || IMPORT.test(name));
    const own = new Map([...after].filter(([, instance]) => !isStranger(instance)));
    faults.push(...verify({ before: known, after: own, attempts }));
    for (const [id, isDone] of exports) faults.push(...(await this.#exportFaults(id, isDone)));
    const strangers = new Set([...after.values()].filter(isStranger).map(({ uuid }) => uuid));
    const learnt = [...learn({ before: known, after })];
    this.#known = new Map(
      learnt.map(([uuid, one]) => [uuid, strangers.has(uuid) ? likeTheSource(one) : one]),
    );
    return faults;
  }

  async close(): Promise<void> {
    await rm(this.place.folder, { recursive: true, force: true });
  }

  async #exportFaults(id: number, isDone: boolean | undefined): Promise<string[]> {
    const file = exportedFile(this.place, id);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    await rm(file, { force: true });
    if (isDone === undefined || isDone === isThere) return [];
    return [`${file} is ${isThere ? '' : 'not '}there`];
  }
}

/** What is made of the archive holds what its source does in the first store. */
function likeTheSource(instance: Known): Known {
  const [source] = knownAtFirst(new Map([[instance.uuid, { ...instance, name: 'web' }]])).values();
  const tags = instance.snapshots.map((tag) => [tag, source?.tags.get(tag) ?? ''] as const);
  return { ...instance, tags: new Map(tags) };
}

function look(root: string, atRest: boolean): ReturnType<typeof examine> {
  const item = itemAt(root);
  if (item === undefined) throw new Error(`${root} is gone`);
  return examine(item, { atRest, mayLeak: false });
}

async function violations(layout: StoreLayout, atRest: boolean): Promise<string[]> {
  const found = await violationsOf(layout, { atRest });
  return found.map(({ kind, path, text }) => `${join(path)}: ${kind}: ${text}`);
}
