import type { StoreLayout } from '../../store/layout.js';
import type { Phase, WorkRequest } from '../../work.js';
import type { MemorySize } from '../../memory-size.js';
import type { LossReport } from '../loss-report.js';
import type { Mount } from '../records/mount.js';
import type { Digest } from '../../files/digest.js';
import type { ImportFrom } from './open-source.js';

/**
 * What can be imported: `instance` is what `export` writes, `folder` the folder of an instance that was copied by hand;
 * anything else is of another program.
 */
export type ImportKind =
  | 'instance'
  | 'folder'
  | 'disk'
  | 'ova'
  | 'vagrant'
  | 'incus'
  | 'incus-backup'
  | 'lima'
  | 'libvirt'
  | 'containerdisk'
  | 'kubevirt';

/** How an instance is imported. */
export interface ImportChoices {
  /** What it shall be called. Default: as it was, or as its file is. */
  readonly name?: string | undefined;
  /** It is the instance that it was, with its uuid and addresses, which nobody here may have. Default: it is a copy. */
  readonly keepIdentity?: boolean | undefined;
  /** The user of its guest. Default: as it was. */
  readonly user?: string | undefined;
  /** A private ssh key that its guest lets in. Default: that of the artifact, or this store's own. */
  readonly sshKey?: string | Buffer | undefined;
  /** What is of another program: how many processors. Default: as it says, or the setting `local.default.cpus`. */
  readonly cpus?: number | undefined;
  /** The same of memory, at least 128 MiB. Default: as it says, or the setting `local.default.memory`. */
  readonly memory?: MemorySize | undefined;
  /** `raw`: a disk is a raw one, whatever it looks like. Default: told by its content. */
  readonly imageFormat?: 'raw' | undefined;
}

/** The same, where from and where to. */
export interface ImportRequest extends WorkRequest, ImportChoices {
  readonly layout: StoreLayout;
  /** An absolute path, or the bytes of an archive. */
  readonly from: ImportFrom;
  /** What it is called while it goes on. Default: `importing`. */
  readonly phase?: Phase | undefined;
}

/** How an instance is imported by a program. */
export interface ImportInstanceOptions extends WorkRequest, ImportChoices {
  /** Told what was imported, before the instance is opened. */
  readonly onReport?: ((report: ImportReport) => void) | undefined;
}

/** What was imported. */
export interface ImportReport {
  /** What it is called here. */
  readonly name: string;
  /** What it was called where it came from. */
  readonly original: string;
  /** Its own, new unless it kept its identity. */
  readonly uuid: string;
  /** Whether it is the instance that it was. */
  readonly keepsIdentity: boolean;
  /** What it was. */
  readonly kind: ImportKind;
  /** Of the manifest; null for what has none. */
  readonly digest: Digest | null;
  /** Bytes of its disks that are its own now. */
  readonly bytesWritten: number;
  /** Bytes of bases that were here already. */
  readonly bytesShared: number;
  /** What was mounted where it came from, and is not here. */
  readonly mounts: readonly Mount[];
  /** What came, and what could not, of another program's. */
  readonly losses: LossReport;
}
