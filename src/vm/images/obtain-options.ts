import type { StoreLayout } from '../../store/layout.js';
import type { ImageQuery } from '../records/image-record.js';
import type { Work } from '../../work.js';
import type { HttpOptions } from '../../http/request.js';
import type { VaultImage } from './vault.js';

/** How images are obtained, whatever from. */
export interface ObtainOptions extends Pick<HttpOptions, 'stallMs'> {
  readonly layout: StoreLayout;
  /** Takes the place of the official servers; null for none. */
  readonly mirror: string | null;
  /** Goes through the phases `retrieving`, `verifying`, `extracting` and `preparing`, as far as they are needed. */
  readonly work: Work;
  /** Of the machine that the image is for, as Node or image servers call it. Default: of this one. */
  readonly arch?: string | undefined;
  /** The user says that a file or download of the user's own is a raw disk. Default: what it is by its content. */
  readonly as?: 'raw' | undefined;
  /** How long to wait before a download that was cut is gone on with, in milliseconds. Default: a second. */
  readonly retryMs?: number | undefined;
}

/** Obtains what `docker://` names: whoever knows of images does not know of registries. */
export type FromRegistry = (reference: string, options: ObtainOptions) => Promise<Obtained>;

/** What one kind of source came to. */
export interface Obtained {
  readonly image: VaultImage;
  readonly query: ImageQuery;
  /** Whether it was not in the store before. */
  readonly isNew: boolean;
}
