import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';
import type { TakeBytes } from '../../files/tar/tar-writer.js';
import type { Compression } from './compression-names.js';
import type { Digest } from '../../files/digest.js';

/** What of an instance is exported, and how. */
export interface ExportChoices {
  /** Name of a snapshot, whose state is exported alone. Default: the present one, with all snapshots. */
  readonly snapshot?: string | undefined;
  /** One disk that stands alone, in one state, in place of the files as they are. */
  readonly flat?: boolean | undefined;
  /** Leaves the bases out: whoever imports it must have them. */
  readonly keepBase?: boolean | undefined;
  /** Bases that stay here, by their digests, because the other side is known to have them. */
  readonly without?: readonly Digest[] | undefined;
  /** Default: zstd where this machine has it, else gzip. */
  readonly compression?: Compression | undefined;
  /** Its uuid and addresses, and its private ssh key, travel as well: the instance moves. */
  readonly keepIdentity?: boolean | undefined;
  /** The private ssh key that its guest lets in travels as well; so it does with the identity. */
  readonly withKey?: boolean | undefined;
}

/** What of an instance is exported by a program, and how. */
export interface ExportOptions extends WorkRequest, ExportChoices {}

/** The same, of which instance, and where to. */
export interface ExportRequest extends WorkRequest, ExportChoices {
  readonly layout: StoreLayout;
  readonly name: string;
  /** An absolute path, which gets the archive whole or not at all; or who takes its bytes. */
  readonly target: string | TakeBytes;
}

/** What was exported. */
export interface ExportReport {
  /** Of the instance. */
  readonly name: string;
  /** Name of the snapshot that was exported; null for the active state. */
  readonly snapshot: string | null;
  /** Of the manifest: what the same artifact is called in a registry. */
  readonly digest: Digest;
  /** Of the archive. */
  readonly bytes: number;
  /** What its chunks are compressed with. */
  readonly compression: Compression;
  /** How many pieces its disks are in. */
  readonly chunks: number;
  /** The disks of the instance, its bases among them. */
  readonly files: readonly {
    /** As it is called in the instance's folder. */
    readonly name: string;
    /** Bytes. */
    readonly size: number;
    /** Whether its content is in the archive; a base that is not must be where it is imported. */
    readonly travels: boolean;
  }[];
  /** Whether its uuid and addresses travel. */
  readonly keepsIdentity: boolean;
  /** Whether its private ssh key travels. */
  readonly hasKey: boolean;
  /** How many bytes of user-data travel, which may hold secrets. */
  readonly userDataBytes: number;
}
