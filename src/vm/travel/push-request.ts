import type { Digest } from '../../files/digest.js';
import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';

/** What of an instance is pushed, and how. */
export interface PushChoices {
  /** Name of a snapshot, whose state is pushed alone. Default: the present one, with all snapshots. */
  readonly snapshot?: string | undefined;
  /** Something in the same registry that has much of it already, such as what its source was pushed as. */
  readonly from?: string | undefined;
  /** False: its user-data, which may hold secrets, stays here. Default: true. */
  readonly userData?: boolean | undefined;
  /** False: a tag that names something already is refused. It is no lock. Default: true. */
  readonly clobber?: boolean | undefined;
  /** Its disk goes a second time, whole, as a container image that KubeVirt runs (containerDisk). Default: false. */
  readonly containerDisk?: boolean | undefined;
}

/** What of an instance is pushed by a program, and how. */
export interface PushOptions extends WorkRequest, PushChoices {}

/** The same, of which instance, and where to. */
export interface PushRequest extends WorkRequest, PushChoices {
  readonly layout: StoreLayout;
  readonly name: string;
  /** `[host[:port]/]path[:tag]` */
  readonly reference: string;
}

/** What was pushed. */
export interface PushReport {
  /** Of the instance. */
  readonly name: string;
  /** Name of the snapshot that was pushed; null for the active state. */
  readonly snapshot: string | null;
  /** Where it is, by its tag. */
  readonly reference: string;
  /** Of the manifest; with a containerDisk of the index of both. */
  readonly digest: Digest;
  /** Where it is, by its digest: what this names never changes. */
  readonly pinned: string;
  /** How many pieces its disks are in. */
  readonly chunks: number;
  /** How many of them were sent. */
  readonly chunksSent: number;
  /** Bytes that were sent. */
  readonly bytesSent: number;
  /** Bytes that the registry had already. */
  readonly bytesReused: number;
  /** Of the container image that KubeVirt runs; null without one. */
  readonly containerDisk: Digest | null;
  /** How many bytes of user-data travel, which may hold secrets. */
  readonly userDataBytes: number;
}
