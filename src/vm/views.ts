import type { InstanceSpec } from './records/spec.js';
import type { ImageRecord } from './records/image-record.js';
import type { DiskOperation } from './records/pending-record.js';
import type { SnapshotRecord } from './records/snapshot-record.js';
import type { InstanceState } from './state.js';

/** Why an instance is Broken: the file (relative to the store), the place in it, and what to do. */
export interface Problem {
  /** The file, relative to the store. */
  readonly path: string;
  /** JSON pointer into the file; '' when the file as a whole is meant. */
  readonly at: string;
  /** What is wrong with it. */
  readonly message: string;
  /** What to do, in an imperative sentence. */
  readonly hint: string;
}

/** What only a running guest can tell; null fields are unknown. */
export interface RuntimeInfo {
  /** Its IPv4 addresses. */
  readonly ipv4: readonly string[];
  /** Pretty name of the guest's release, such as `Ubuntu 24.04.1 LTS`. */
  readonly release: string;
  /** How many processors it sees. */
  readonly cpuCount: number | null;
  /** The three load averages, as the guest prints them. */
  readonly load: readonly string[];
  /** Bytes. */
  readonly diskUsed: number | null;
  /** Bytes, of the file system that has `/`. */
  readonly diskTotal: number | null;
  /** Bytes. */
  readonly memoryUsed: number | null;
  /** Bytes. */
  readonly memoryTotal: number | null;
}

/** What is known at run time of an instance that does not tell. */
export const NOTHING_KNOWN: RuntimeInfo = {
  ipv4: [],
  release: '',
  cpuCount: null,
  load: [],
  diskUsed: null,
  diskTotal: null,
  memoryUsed: null,
  memoryTotal: null,
};

/** From where the addresses of a running instance lead to it. */
export interface Reach {
  /**
   * `host`: from this host; `network`: from the instances of this store, and from what `multipass network run` runs;
   * `nothing`: only QEMU knows them.
   */
  readonly from: 'host' | 'network' | 'nothing';
  /** The port by which ssh gets in: of 127.0.0.1 where nothing reaches the addresses, else of those. Null for none. */
  readonly sshPort: number | null;
}

/** An instance as it is listed: read once, without any lock. */
export type InstanceView = ReadableInstanceView | BrokenInstanceView;

/** An instance whose records and disk are sound. */
export interface ReadableInstanceView {
  /** Of the instance. */
  readonly name: string;
  /** At the time of the reading. */
  readonly state: Exclude<InstanceState, 'Broken'>;
  /** What it is made of. */
  readonly spec: InstanceSpec;
  /** Where its disk came from. */
  readonly image: ImageRecord;
  /** Null unless it runs and was asked. */
  readonly runtime: RuntimeInfo | null;
  /** From where its addresses lead to it; undefined unless it runs and was asked. */
  readonly reach?: Reach | undefined;
  /** Why its guest stands still; undefined when it does not, or was not asked. */
  readonly problem?: Problem | undefined;
  /** An operation in place that is on record and not finished, and that nobody is at; undefined when there is none. */
  readonly pending?: DiskOperation | undefined;
}

/** An instance of which something cannot be read, or is missing. */
export interface BrokenInstanceView {
  /** Of its folder. */
  readonly name: string;
  /** Nothing can be done with it before it is repaired. */
  readonly state: 'Broken';
  /** What is wrong, and what to do. */
  readonly problem: Problem;
}

/** A snapshot together with its place in the tree. */
export interface SnapshotView {
  /** Name of the instance that it is one of. */
  readonly instance: string;
  /** What it holds. */
  readonly record: SnapshotRecord;
  /** Name of the parent, or null. */
  readonly parent: string | null;
  /** Its memory was saved with it: a restore goes on from there. */
  readonly hasMemory: boolean;
  /** Names of the children, sorted. */
  readonly children: readonly string[];
}
