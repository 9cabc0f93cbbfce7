import type { StoreLayout } from '../../store/layout.js';
import type { ImageQuery } from '../records/image-record.js';
import type { DownloadProgress } from './download.js';
import type { HttpOptions } from './http-request.js';
import type { PrepareProgress } from './prepare-disk.js';
import type { VaultImage } from './vault.js';

/** How images are obtained, whatever from. */
export interface ObtainOptions extends HttpOptions {
  readonly layout: StoreLayout;
  /** Takes the place of the official servers; null for none. */
  readonly mirror: string | null;
  readonly onProgress?: ((progress: ImageProgress) => void) | undefined;
  /** Told what the user should know although all went well. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  /** Of the machine that the image is for, as Node or image servers call it. Default: of this one. */
  readonly arch?: string | undefined;
  /** How long to wait before a download that was cut is gone on with, in milliseconds. Default: a second. */
  readonly retryMs?: number | undefined;
}

/** What is being done. */
export type ImageProgress = DownloadProgress | PrepareProgress;

/** What one kind of source came to. */
export interface Obtained {
  readonly image: VaultImage;
  readonly query: ImageQuery;
}
