import { join } from 'node:path';
import { listVault } from '../lineage/image-list.js';
import { readImage } from '../images/vault.js';
import type { Examination } from './examination.js';
import { entriesOf } from './folder-entries.js';

const IMAGE_FILES = new Set(['disk.qcow2', 'image-record.json']);

/** Images that cannot be used, and those that nobody uses. */
export async function checkImages(examination: Examination): Promise<void> {
  const { layout } = examination;
  for (const id of entriesOf(layout.images)) {
    const path = join(layout.images, id);
    if (readImage(layout, id) === undefined) {
      examination.note('image-broken', {
        path,
        message: `"${path}" is no image that can be used`,
        hint: 'Have it put aside by `multipass doctor --fix`; whoever launches that image gets it again.',
        mend: async (request) => {
          // Somebody may have put a whole one in its place.
          if (readImage(layout, id) === undefined) await request.lost.moveAside(path);
        },
      });
      continue;
    }
    for (const file of entriesOf(path).filter((name) => !IMAGE_FILES.has(name))) {
      examination.note('unknown-file', {
        path: join(path, file),
        message: `"${join(path, file)}" is nothing that an image has`,
        hint: 'Remove it, if you know that you need it no more.',
      });
    }
  }
  for (const { id, name, usedBy } of await listVault(layout, { exists: true })) {
    if (usedBy.length > 0) continue;
    examination.note('image-unused', {
      path: join(layout.images, id),
      message: `no instance uses the image "${name === '' ? id : name}"`,
      hint: 'Keep it for the next launch, or remove it with `multipass purge --images`.',
    });
  }
}
