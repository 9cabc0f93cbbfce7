import { readMetaData } from '../../net/meta-data.js';
import type { Seed } from '../seed/seed.js';
import { isLongChain } from '../disks/long-chain.js';
import { interfaceLabel } from '../records/interface.js';
import type { InstanceReading } from '../read-instance.js';
import type { Consistency } from '../live/standstill.js';
import type { NewIdentity } from './identity.js';
import type { DiskPlan } from './plan-disk.js';
import type { ClonedInstance, CloneIdentity, CloneReport } from './report.js';
import type { SourceState } from './source-state.js';

/** Measures the phases of one clone, one after the other. */
export class PhaseTimer {
  readonly timings: Record<string, number> = {};
  #last = performance.now();

  /** Tells of a part of a phase. */
  note(part: string, milliseconds: number): void {
    this.timings[part] = milliseconds;
  }

  /** Ends a phase; the next one begins. */
  end(phase: string): void {
    const now = performance.now();
    this.timings[phase] = Math.round((now - this.#last) * 10) / 10;
    this.#last = now;
  }
}

/** What the disks of all clones come to, or came to. */
export type MadeDisks = DiskPlan;

/** One clone: as it is, or as it will be. */
export interface CloneOutcome extends Omit<ClonedInstance, 'identity'> {
  /** Null in a plan: it is made when the clone is. */
  readonly identity: NewIdentity | null;
}

/** What a report is made from. */
export interface CloneFacts {
  /** True: nothing was written. */
  readonly dryRun: boolean;
  readonly reading: InstanceReading;
  readonly seed: Seed | null;
  readonly state: SourceState;
  readonly disk: MadeDisks;
  readonly consistency: Consistency;
  readonly clones: readonly CloneOutcome[];
  readonly memoryBytes: number | null;
  /** What else the user should know. */
  readonly warnings: readonly string[];
  readonly timings: Readonly<Record<string, number>>;
}

/** The report of clones, planned or made: it claims only what was, or will be, made new. */
export function cloneReport(facts: CloneFacts): CloneReport {
  const { dryRun, reading, state, disk, clones, timings } = facts;
  return {
    dryRun,
    source: reading.name,
    snapshot: state.snapshot,
    strategy: disk.strategy,
    consistency: facts.consistency,
    bytesToCopy: disk.bytesCopied,
    bytesShared: disk.bytesShared,
    fits: disk.fits,
    memoryBytes: facts.memoryBytes,
    clones: clones.map((clone) => ({ ...clone, identity: identityOf(facts, clone) })),
    warnings: [
      ...facts.warnings,
      ...layerWarnings(
        disk,
        clones.map(({ name }) => name),
      ),
    ],
    timingsMs: timings,
  };
}

function identityOf(
  { reading: { spec }, seed, state }: CloneFacts,
  { name, identity }: CloneOutcome,
): CloneIdentity {
  const before = metaDataOf(seed);
  const macs =
    identity?.changes ?? state.spec.interfaces.map(({ mac }) => ({ old: mac, new: null }));
  return {
    macs: macs.map((mac, index) => ({
      interface: interfaceLabel(index),
      old: mac.old.toString(),
      new: mac.new?.toString() ?? null,
    })),
    uuid: { old: spec.uuid, new: identity?.uuid ?? null },
    vmgenid: { old: spec.vmgenid, new: identity?.vmgenid ?? null },
    instanceId: { old: before.instanceId ?? '', new: identity?.uuid ?? null },
    hostname: { old: before.hostname ?? '', new: name },
  };
}

/** Chains grow when what a linked clone has written is linked again, and so on; it is for their user to cut them. */
function layerWarnings({ strategy, layers }: MadeDisks, names: readonly string[]): string[] {
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

function metaDataOf(seed: Seed | null): ReturnType<typeof readMetaData> {
  const file = seed?.find(({ name }) => name === 'meta-data');
  return readMetaData(file?.data.toString('utf8') ?? '');
}
