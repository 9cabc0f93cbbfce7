import type { Digest } from '../../files/digest.js';
import type { StoreLayout } from '../../store/layout.js';
import type { WorkRequest } from '../../work.js';
import type { Compression } from './compression-names.js';

/** How an instance is copied to another host by a program. */
export interface CopyToOptions extends WorkRequest {
  /** What it shall be called there. Default: as here. */
  readonly name?: string | undefined;
  /** Name of a snapshot, whose state is copied alone. */
  readonly snapshot?: string | undefined;
  /**
   * It moves: it keeps its uuid, addresses and ssh key, and once the other host has said that it stands, it is deleted
   * here as `delete` does, so that `recover` brings it back until it is purged.
   */
  readonly move?: boolean | undefined;
  /** Default: as for an export. */
  readonly compression?: Compression | undefined;
}

/** The same, of which instance, and where to. */
export interface CopyToRequest extends Omit<CopyToOptions, 'name'> {
  readonly layout: StoreLayout;
  readonly name: string;
  /** As ssh(1) takes it: a host, `user@host`, or a name of its configuration. */
  readonly host: string;
  /** What it shall be called there. */
  readonly as?: string | undefined;
}

/** What was copied. */
export interface CopyToReport {
  /** Of the instance here. */
  readonly name: string;
  /** As it was named. */
  readonly host: string;
  /** What it is called there. */
  readonly copy: string;
  /** Its uuid there. */
  readonly uuid: string;
  /** Whether it has moved, and is deleted here. */
  readonly moved: boolean;
  /** Bytes that were sent. */
  readonly bytes: number;
  /** Bytes of bases that the other host had already. */
  readonly bytesThere: number;
}

/** A base of a store, by what it holds. */
export interface HeldBase {
  /** Of all that it has. */
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}
