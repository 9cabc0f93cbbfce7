import type { ImageRecord } from '../../index.js';

/** Stands for an image that nothing is known of. */
export const NOT_AVAILABLE = 'Not Available';

/** `Ubuntu 24.04 LTS`, or null when the release is not known. Multipass calls an unnamed system Ubuntu. */
export function imageTitle(image: Pick<ImageRecord, 'os' | 'release'>): string | null {
  return image.release === '' ? null : `${image.os === '' ? 'Ubuntu' : image.os} ${image.release}`;
}
