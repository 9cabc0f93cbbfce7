import { join } from 'node:path';

/** The folder of one image, published or in staging: an immutable disk and where it came from. A value without I/O. */
export class ImageDir {
  readonly path: string;

  constructor(path: string) {
    this.path = path;
  }

  get imageRecord(): string {
    return join(this.path, 'image-record.json');
  }

  /** The disk, 0444; instances have hard links to it as `base-<id>.qcow2`. */
  get disk(): string {
    return join(this.path, 'disk.qcow2');
  }
}
