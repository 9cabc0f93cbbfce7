import { readMetaData } from '../../net/meta-data.js';
import type { Renewal } from '../cloud-init/first-boot.js';
import type { Seed } from '../cloud-init/seed.js';
import type { CopiedDisk } from '../disks/copy-disk.js';
import { interfaceLabel } from '../records/interface.js';
import type { NewIdentity } from './identity.js';
import type { CloneReport } from './report.js';
import type { CloneSource } from './source.js';

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

/** What is known of a clone once it is published. */
export interface CloneOutcome {
  readonly source: CloneSource;
  readonly identity: NewIdentity;
  readonly name: string;
  readonly copied: CopiedDisk;
  /** What its seed makes the guest renew. */
  readonly atFirstBoot: readonly Renewal[];
  readonly warnings: readonly string[];
  readonly timer: PhaseTimer;
}

/** The report of one clone: it claims only what was really made new. */
export function reportClone(outcome: CloneOutcome): CloneReport {
  const { source, identity, name, copied } = outcome;
  const { spec } = source.reading;
  const before = metaDataOf(source.seed);
  return {
    dryRun: false,
    source: source.reading.name,
    snapshot: null,
    strategy: copied.strategy,
    consistency: 'stopped',
    bytesToCopy: copied.bytesCopied,
    bytesShared: copied.bytesShared,
    fits: true,
    clones: [
      {
        name,
        identity: {
          macs: identity.changes.map((change) => ({
            interface: interfaceLabel(change.index),
            old: change.old.toString(),
            new: change.new.toString(),
          })),
          uuid: { old: spec.uuid, new: identity.uuid },
          vmgenid: { old: spec.vmgenid, new: identity.vmgenid },
          instanceId: { old: before.instanceId ?? '', new: identity.uuid },
          hostname: { old: before.hostname ?? '', new: name },
        },
        atFirstBoot: outcome.atFirstBoot,
        unchanged: outcome.warnings,
      },
    ],
    timingsMs: outcome.timer.timings,
  };
}

function metaDataOf(seed: Seed | null): ReturnType<typeof readMetaData> {
  const file = seed?.find(({ name }) => name === 'meta-data');
  return readMetaData(file?.data.toString('utf8') ?? '');
}
