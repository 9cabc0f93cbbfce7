import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { ownTurn } from '../../process/own-turn.js';
import type { StoreLayout } from '../../store/layout.js';
import { newToken } from '../../store/maker-token.js';
import { StagedInstance } from '../../store/staging.js';
import type { Work } from '../../work.js';
import { replaceFile } from '../../files/draft.js';
import { writeNewRecord } from '../../files/record.js';
import { firstBootOf, type Renewal } from '../seed/first-boot.js';
import { retargetSeed } from '../seed/seed.js';
import { PortClaims } from '../forwards/port-claims.js';
import type { InstanceReading } from '../read-instance.js';
import type { CopyStrategy, ImageRecord } from '../records/image-record.js';
import type { Forward } from '../records/forward.js';
import type { InstanceSpec } from '../records/spec.js';
import { copyUnknownFiles } from './copy-folder.js';
import { isLinked, type CloneRequest } from './clone-request.js';
import { claimIdentity, type NewIdentity } from './identity.js';
import { makeHead, repeatHead, type HeadRequest, type MadeHead } from './make-head.js';
import type { CloneOutcome } from './clone-report.js';
import type { CloneSource } from './source.js';
import type { SourceState } from './source-state.js';

/** What a clone's seed comes to. */
export interface WrittenSeed {
  readonly warnings: readonly string[];
  readonly atFirstBoot: readonly Renewal[];
}

/** What is staged, and from what. */
export interface StageRequest {
  readonly request: Pick<CloneRequest, 'layout' | 'source' | 'linked' | 'warm' | 'overrides'>;
  readonly source: CloneSource;
  readonly state: SourceState;
  /** The name it will have, or null when that is not known yet. */
  readonly wish: string | null;
  /** Ports of the host that are to lead into it. */
  readonly forwards: readonly Forward[];
  /** A clone of the same state that is staged already, and whose disk is copied then. */
  readonly first: StagedClone | null;
  readonly work: Work;
}

/**
 * A clone in the making: whole but for its name and its seed. Invisible, and swept when we die.
 */
export class StagedClone {
  readonly staged: StagedInstance;
  readonly identity: NewIdentity;
  readonly head: MadeHead;
  seed: WrittenSeed = { warnings: [], atFirstBoot: [] };
  readonly #layout: StoreLayout;
  readonly #source: CloneSource;
  #hasSeed = false;
  readonly #left: readonly string[];
  readonly #resetAddresses: boolean;

  private constructor(
    { source, request }: StageRequest,
    made: {
      staged: StagedInstance;
      identity: NewIdentity;
      head: MadeHead;
      left: readonly string[];
    },
  ) {
    this.#layout = request.layout;
    this.#source = source;
    this.staged = made.staged;
    this.identity = made.identity;
    this.head = made.head;
    this.#left = made.left;
    this.#resetAddresses = request.overrides?.resetStaticAddresses ?? false;
  }

  /**
   * Stages one clone. On an error nothing of it is left.
   * @throws MultipassError DISK_FULL, MAC_EXHAUSTED, PORT_TAKEN, ABORTED, …
   */
  static async stage(stage: StageRequest): Promise<StagedClone> {
    const { request, source, state, wish, forwards, work } = stage;
    const { reading } = source;
    const staged = await StagedInstance.create(request.layout, randomUUID(), wish);
    try {
      const identity = await claimIdentity(staged, { reading, spec: state.spec });
      const ports = PortClaims.ofStaged(staged);
      for (const forward of forwards) await ports.claim(forward);
      const left = await copyUnknownFiles(reading, staged, work.signal);
      const head = await stageHead(stage, staged);
      await writeNewRecord(staged.spec, cloneSpec(state.spec, identity, forwards));
      await writeNewRecord(staged.imageRecord, cloneRecord(reading, state, head.strategy));
      return new StagedClone(stage, { staged, identity, head, left });
    } catch (error) {
      await staged.discard();
      throw error;
    }
  }

  /** What it came to, for the report. @param name the one it was published under */
  outcome(name: string): CloneOutcome {
    const { identity, seed } = this;
    const unchanged = [...this.#left, ...seed.warnings];
    return { name, identity, atFirstBoot: seed.atFirstBoot, unchanged };
  }

  /**
   * Writes the seed, which has the name in it; again when it gets another one, whole or not at all: it may be decided
   * by then that it is published, which who comes next goes on with when we are killed.
   * @throws MultipassError SEED_INVALID, …
   */
  async writeSeed(hostname: string): Promise<void> {
    await ownTurn();
    const { staged, identity } = this;
    const { image, files, warnings } = retargetSeed(
      this.#source.seed,
      {
        instanceId: identity.uuid,
        hostname,
        interfaces: identity.changes,
        isCopy: true,
        resetAddresses: this.#resetAddresses,
      },
      this.#source.reading.dir.seed,
    );
    if (this.#hasSeed) {
      const draft = this.#layout.staged(newToken());
      await replaceFile(staged.seed, image, { draft, doing: 'write the seed' });
    } else await writeFile(staged.seed, image, { mode: 0o600 });
    this.#hasSeed = true;
    const { renews, keeps } = firstBootOf(files);
    this.seed = { warnings: [...warnings, ...keeps], atFirstBoot: renews };
  }
}

/** A further clone of one that is staged already has its disk from that, whatever it took to make. */
async function stageHead(
  { request, source, state, first, work }: StageRequest,
  staged: StagedInstance,
): Promise<MadeHead> {
  const linked = isLinked(request);
  if (first === null) {
    const copy: HeadRequest['copy'] = async (disk) => await source.copyDisk(disk);
    return await makeHead({ source: source.reading, state, linked, copy, target: staged, work });
  }
  const { head } = first;
  await repeatHead(first.staged, staged, { isEmpty: head.strategy === 'linked', work });
  return head;
}

/** The prototype's spec with another identity, and without its past. */
function cloneSpec(
  source: InstanceSpec,
  identity: NewIdentity,
  forwards: readonly Forward[],
): InstanceSpec {
  const { uuid, vmgenid, interfaces } = identity;
  return {
    ...source,
    uuid,
    vmgenid,
    interfaces,
    forwards,
    snapshotHead: 0,
    deleted: false,
    autostart: false,
  };
}

function cloneRecord(
  source: InstanceReading,
  { snapshot }: SourceState,
  strategy: CopyStrategy,
): ImageRecord {
  return {
    ...source.image,
    lineage: {
      sourceUuid: source.spec.uuid,
      sourceName: source.name,
      snapshot,
      created: new Date().toISOString(),
      strategy,
    },
    migratedFrom: null,
  };
}
