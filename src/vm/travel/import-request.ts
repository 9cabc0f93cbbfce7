import type { StoreLayout } from '../../store/layout.js';
import type { Phase, WorkRequest } from '../../work.js';
import type { Mount } from '../records/mount.js';
import type { Digest } from '../../files/digest.js';
import type { ImportFrom } from './open-source.js';

/** How an instance is imported. */
export interface ImportChoices {
  /** What it shall be called. Default: as it was. */
  readonly name?: string | undefined;
  /** It is the instance that it was, with its uuid and addresses, which nobody here may have. Default: it is a copy. */
  readonly keepIdentity?: boolean | undefined;
  /** The user of its guest. Default: as it was. */
  readonly user?: string | undefined;
  /** A private ssh key that its guest lets in. Default: that of the artifact, or this store's own. */
  readonly sshKey?: string | Buffer | undefined;
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
  /** Of the manifest. */
  readonly digest: Digest;
  /** Bytes of its disks that are its own now. */
  readonly bytesWritten: number;
  /** Bytes of bases that were here already. */
  readonly bytesShared: number;
  /** What was mounted where it came from, and is not here. */
  readonly mounts: readonly Mount[];
}
