import type { StoreLayout } from '../../store/layout.js';
import { Work, type WorkRequest } from '../../work.js';
import { readSettings } from '../settings/settings.js';
import { prepareStore } from '../sweep.js';
import { obtainImage } from './obtain-image.js';
import type { FromRegistry } from './obtain-options.js';

/** How an image is imported. */
export interface ImportOptions extends WorkRequest {
  /** `raw`: a file or download is a raw disk, whatever it looks like. Default: told by its content. */
  readonly imageFormat?: 'raw' | undefined;
}

/** Which image is imported into which store. */
export interface ImportRequest extends ImportOptions {
  readonly layout: StoreLayout;
  readonly query: string;
  /** Who obtains what `docker://` names. */
  readonly fromRegistry: FromRegistry;
}

/** An image of the store. */
export interface ImportedImage {
  /** What it is called in the store. */
  readonly id: string;
  /** Whether it was not there before. */
  readonly isNew: boolean;
}

/** Brings an image into the store, unless it is there; the store is made at first use. @throws as `obtainImage` */
export async function importImage(request: ImportRequest): Promise<ImportedImage> {
  const { layout, query, imageFormat: as, fromRegistry } = request;
  const work = Work.of(request.work);
  const { imageMirror: mirror } = readSettings(layout, process.env);
  await prepareStore(layout);
  const { id, isNew } = await obtainImage({ layout, query, mirror, as, fromRegistry, work });
  return { id, isNew };
}
