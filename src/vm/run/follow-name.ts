import type { InstanceDir } from '../../store/instance-dir.js';
import type { StoreLayout } from '../../store/layout.js';
import { newToken } from '../../store/maker-token.js';
import { replaceFile } from '../../files/draft.js';
import { withHostname } from '../seed/seed.js';

/**
 * Makes the seed's hostname that of the folder, which is all that renaming an instance has to do in the guest: the
 * instance-id stays, so cloud-init takes it for the same machine with another name. Atomic; the caller holds the lock.
 * @throws MultipassError ISO_INVALID, SEED_INVALID, DISK_FULL, …
 */
export async function followName(layout: StoreLayout, dir: InstanceDir): Promise<void> {
  const image = withHostname(dir.seed, dir.name);
  if (image === null) return;
  const draft = layout.staged(newToken());
  await replaceFile(dir.seed, image, { draft, doing: 'write the seed' });
}
