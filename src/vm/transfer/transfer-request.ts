import type { WorkRequest } from '../../work.js';

/** How files are copied. */
export interface TransferOptions extends WorkRequest {
  /** Whether folders are copied, with all that is in them. Default: they are refused. */
  readonly recursive?: boolean | undefined;
  /** Whether folders that are missing above the target are made. Default: false. */
  readonly parents?: boolean | undefined;
}

/** How a file is written. */
export type WriteFileOptions = Omit<TransferOptions, 'recursive'>;

/** What was copied. */
export interface TransferReport {
  /** How many files were copied. */
  readonly files: number;
  /** How many folders were made. */
  readonly folders: number;
  /** How many symbolic links were copied. */
  readonly links: number;
  /** Bytes of the files, holes included. */
  readonly bytes: number;
}
