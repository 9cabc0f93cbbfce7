import type { Consistency } from '../live/standstill.js';
import type { CopyStrategy } from '../records/image-record.js';

/** A value of the source and what the clone has in its place. */
export interface Replaced {
  /** What the source has. */
  readonly old: string;
  /** Null in a plan: it is made when the clone is. */
  readonly new: string | null;
}

/** The MAC address of one interface, before and after. */
export interface ReplacedMac extends Replaced {
  /** `default`, `extra0`, `extra1`, … */
  readonly interface: string;
}

/** What tells a clone from its source. */
export interface CloneIdentity {
  /** Of every interface. */
  readonly macs: readonly ReplacedMac[];
  /** The SMBIOS uuid, by which a guest knows its machine. */
  readonly uuid: Replaced;
  /** The generation id, by which a guest knows that it was copied. */
  readonly vmgenid: Replaced;
  /** The seed's `instance-id`. */
  readonly instanceId: Replaced;
  /** The seed's `local-hostname`. */
  readonly hostname: Replaced;
}

/** One clone of possibly several made at once. */
export interface ClonedInstance {
  /** Of the clone. */
  readonly name: string;
  /** What it has in place of what its source has. */
  readonly identity: CloneIdentity;
  /** What the guest renews by itself at its first boot: `machine_id`, `ssh_host_keys`. */
  readonly atFirstBoot: readonly string[];
  /** What stays as the source has it, and does not become the clone's own. */
  readonly unchanged: readonly string[];
}

/** The outcome of `multipass clone`. */
export interface CloneReport {
  /** True when nothing was written. */
  readonly dryRun: boolean;
  /** Name of the source instance. */
  readonly source: string;
  /** Name of the snapshot that was cloned, or null for the active state. */
  readonly snapshot: string | null;
  /** How the disk is copied. */
  readonly strategy: Exclude<CopyStrategy, 'move'>;
  /**
   * What the disk is like: that of a machine that was shut down (`stopped`); or, of a running one, with file systems
   * that its agent has frozen for the moment (`frozen`), or as after a power cut (`crash`).
   */
  readonly consistency: Consistency;
  /** Bytes of disks that are written. */
  readonly bytesToCopy: number;
  /** Bytes that the clones share with the source. */
  readonly bytesShared: number;
  /** Bytes on the disk of the memory that the clones share until they are started; null: they begin without. */
  readonly memoryBytes: number | null;
  /** Whether the file system has room for `bytesToCopy`. */
  readonly fits: boolean;
  /** One row for each, in the order of their numbers. */
  readonly clones: readonly ClonedInstance[];
  /** What the user should know of all of them, in sentences: that they stand on many layers. */
  readonly warnings: readonly string[];
  /** Milliseconds a step took, by the step's name in snake_case. */
  readonly timingsMs: Readonly<Record<string, number>>;
}
