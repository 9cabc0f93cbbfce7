import { readMetaData } from '../../net/meta-data.js';
import type { Seed } from '../seed/seed.js';
import { isLongChain } from '../disks/long-chain.js';
import { interfaceLabel } from '../records/interface.js';
import type { NewIdentity } from './identity.js';
import type { MadeHead } from './make-head.js';
import type { InstanceReading } from '../read-instance.js';
import type { CloneIdentity, CloneReport } from './report.js';
import type { CloneSource } from './source.js';
import type { SourceState } from './source-state.js';
import type { StagedClone } from './stage-clone.js';

/** Measures the phases of one clone, one after the other. */
export class PhaseTimer {
  readonly timings: Record<string, number> = {};
  #last = performance.now();

  /** Ends a phase; the next one begins. */
  end(phase: string): void {
    const now = performance.now();
    this.timings[phase] = Math.round((now - this.#last) * 10) / 10;
    this.#last = now;
  }
}

/** What is known of clones once they are published. */
export interface CloneOutcome {
  readonly source: CloneSource;
  readonly state: SourceState;
  readonly clones: readonly { readonly clone: StagedClone; readonly name: string }[];
  readonly timer: PhaseTimer;
}

/** The report of clones: it claims only what was really made new. */
export function reportClones({ source, state, clones, timer }: CloneOutcome): CloneReport {
  const [first] = clones;
  if (first === undefined) throw new Error('no clone to report');
  const { head } = first.clone;
  // The first one is copied from its source; each further one from the first.
  const copies = head.strategy === 'linked' ? 1 : clones.length;
  return {
    dryRun: false,
    source: source.reading.name,
    snapshot: state.snapshot,
    strategy: head.strategy,
    consistency: 'stopped',
    bytesToCopy: head.bytesCopied * copies,
    bytesShared: head.bytesShared,
    fits: true,
    clones: clones.map(({ clone, name }) => ({
      name,
      identity: identityOf(source.reading, source.seed, clone.identity, name),
      atFirstBoot: clone.seed.atFirstBoot,
      unchanged: clone.warnings,
    })),
    warnings: layerWarnings(
      head,
      clones.map(({ name }) => name),
    ),
    timingsMs: timer.timings,
  };
}

/** Chains grow when what a linked clone has written is linked again, and so on; it is for their user to cut them. */
export function layerWarnings(
  { strategy, layers }: Pick<MadeHead, 'strategy' | 'layers'>,
  names: readonly string[],
): string[] {
  const [first, ...more] = names;
  if (strategy !== 'linked' || first === undefined || !isLongChain(layers)) return [];
  const [who, whom] =
    more.length === 0
      ? [`"${first}" stands`, first]
      : [`"${first}" and ${more.length} more stand`, 'NAME'];
  return [
    `${who} on ${layers} layers, and reading takes longer with each: ` +
      `\`multipass flatten ${whom}\` makes one layer of them`,
  ];
}

function identityOf(
  { spec }: InstanceReading,
  seed: Seed | null,
  identity: NewIdentity,
  name: string,
): CloneIdentity {
  const before = metaDataOf(seed);
  return {
    macs: identity.changes.map((change) => ({
      interface: interfaceLabel(change.index),
      old: change.old.toString(),
      new: change.new.toString(),
    })),
    uuid: { old: spec.uuid, new: identity.uuid },
    vmgenid: { old: spec.vmgenid, new: identity.vmgenid },
    instanceId: { old: before.instanceId ?? '', new: identity.uuid },
    hostname: { old: before.hostname ?? '', new: name },
  };
}

/** What a plan says of a clone's identity: what will be replaced, and by nothing that is known yet. */
export function plannedIdentity(
  { spec }: InstanceReading,
  seed: Seed | null,
  state: SourceState,
  name: string,
): CloneIdentity {
  const before = metaDataOf(seed);
  return {
    macs: state.spec.interfaces.map(({ mac }, index) => ({
      interface: interfaceLabel(index),
      old: mac.toString(),
      new: null,
    })),
    uuid: { old: spec.uuid, new: null },
    vmgenid: { old: spec.vmgenid, new: null },
    instanceId: { old: before.instanceId ?? '', new: null },
    hostname: { old: before.hostname ?? '', new: name },
  };
}

function metaDataOf(seed: Seed | null): ReturnType<typeof readMetaData> {
  const file = seed?.find(({ name }) => name === 'meta-data');
  return readMetaData(file?.data.toString('utf8') ?? '');
}
