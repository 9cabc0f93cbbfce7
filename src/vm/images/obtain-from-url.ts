import { createHash } from 'node:crypto';
import { hasCode } from '../../errors.js';
import type { ImageQuery } from '../records/image-record.js';
import { fetchDownload } from './fetch-download.js';
import { contentLength, request, requestOk, type HttpAnswer } from '../../http/request.js';
import type { Obtained, ObtainOptions } from './obtain-options.js';
import { listImages, readImage } from './vault.js';
import { newVaultRecord } from './vault-record.js';

/**
 * Obtains an image from a URL of the user's own. Nothing says what its hash should be. Its id is made of the URL and
 * of what the server says of the present file (ETag or Last-Modified, and length): another file there is another
 * image.
 */
export async function obtainFromUrl(url: URL, options: ObtainOptions): Promise<Obtained> {
  const query: ImageQuery = { release: url.href, remote: '', type: 'http' };
  let facts: UrlFacts;
  try {
    facts = await askAbout(url, options);
  } catch (error) {
    if (!hasCode(error, 'DOWNLOAD_FAILED')) throw error;
    const images = (await listImages(options.layout)).filter(
      ({ record }) => record.query.type === 'http' && record.query.release === url.href,
    );
    const image = images.sort((a, b) => (a.record.created < b.record.created ? -1 : 1)).at(-1);
    if (image === undefined) throw error;
    options.work.warn(`${error.message}; the image that came from there before is used`);
    return { image, query, isNew: false };
  }
  const { size, validator, version } = facts;
  const parts = [
    url.href,
    version,
    String(size),
    ...(options.as === undefined ? [] : [options.as]),
  ];
  const id = sha256(parts.join('\n'));
  const known = readImage(options.layout, id);
  if (known !== undefined) return { image: known, query, isNew: false };
  const wanted = {
    key: id,
    file: { url, size, sha256: null, validator },
    record: newVaultRecord({ id, query }),
  };
  return { ...(await fetchDownload(wanted, options)), query };
}

/** What a server says of a file before it sends it. */
interface UrlFacts {
  readonly size: number | null;
  /** What an interrupted download can be gone on with; null when the server gives nothing that is sure enough. */
  readonly validator: string | null;
  /** What changes when the file does; '' when the server does not say. */
  readonly version: string;
}

async function askAbout(url: URL, { work, stallMs }: ObtainOptions): Promise<UrlFacts> {
  const asked = { url, signal: work.signal, stallMs };
  let answer: HttpAnswer = await request({ ...asked, method: 'HEAD' });
  answer.cancel();
  if (answer.status !== 200) {
    // Not every server answers HEAD.
    answer = await requestOk(asked);
    answer.cancel();
  }
  const etag = answer.header('etag');
  const lastModified = answer.header('last-modified');
  const strong = etag?.startsWith('W/') === true ? null : etag;
  return {
    size: contentLength(answer),
    validator: strong ?? lastModified,
    version: etag ?? lastModified ?? '',
  };
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
