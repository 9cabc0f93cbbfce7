import { MultipassError, hasCode } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Guest } from '../guest/ssh.js';
import { readInstance } from '../read-instance.js';
import type { Mount } from '../records/mount.js';
import { readMachine } from '../records/machine-record.js';
import type { WorkOptions } from '../open.js';
import { isMounted, mountClassic, unmountClassic, unmountInGuest } from './classic-mount.js';
import { endKeepers } from './keeper.js';
import { mountTag } from './mount-tag.js';
import { mountNative } from './native-mount.js';
import { withMounts } from './with-mounts.js';

/** Whose mounts. */
export interface ActivateRequest extends WorkOptions {
  readonly layout: StoreLayout;
  readonly guest: Guest;
  readonly onWarning?: ((warning: string) => void) | undefined;
}

/**
 * Mounts what an instance has mounts of, and the guest has not; for after its start. One that fails is told, and stays
 * among its mounts: the next start tries again.
 * @throws MultipassError ABORTED, …: no failure of a mount
 */
export async function activateMounts(request: ActivateRequest): Promise<void> {
  const { layout, guest, signal, onWait, onWarning } = request;
  const { name } = guest.dir;
  if (readInstance(layout, name).spec.mounts.length === 0) return;
  await withMounts(
    { layout, name, doing: 'mount', signal, onWait },
    async ({ spec, state, dir }) => {
      if (state !== 'Running') return;
      const shares = new Set(readMachine(dir)?.machine.shares.map(({ tag }) => tag));
      for (const mount of spec.mounts) {
        const tag = mountTag(mount.target);
        // Why the machine has no such share was told when it was started.
        if (mount.type === 'native' && !shares.has(tag)) continue;
        try {
          if (await isMounted(guest, tag, signal)) continue;
          await unmountInner(guest, mount, spec.mounts);
          await mountInGuest(guest, mount, signal);
        } catch (error) {
          if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
          onWarning?.(hinted(error));
        }
      }
    },
  );
}

/**
 * Takes every mount of a running instance off, for before it is suspended: a mounted native one is in QEMU's way, and a
 * classic one loses its connection. Either all are off, or none is.
 * @throws MultipassError MOUNT_FAILED when the guest uses a native one; SSH_FAILED, …, ABORTED
 */
export async function deactivateMounts(request: ActivateRequest): Promise<void> {
  const { layout, guest, signal, onWait } = request;
  const { name } = guest.dir;
  await withMounts({ layout, name, doing: 'suspend', signal, onWait }, async ({ spec, state }) => {
    if (state !== 'Running') return;
    const off: Mount[] = [];
    try {
      // One may be in another.
      for (const mount of spec.mounts.toReversed()) {
        if (mount.type === 'native') await unmountInGuest(guest, mount, { lazily: false, signal });
        else await unmountClassic(guest, mount, { lazily: true, signal });
        off.push(mount);
      }
    } catch (error) {
      for (const mount of off.toReversed()) await mountInGuest(guest, mount).catch(() => undefined);
      throw error;
    }
    await endKeepers(guest.dir);
  });
}

/** What a keeper has mounted in its folder meanwhile would be hidden below it: its turn comes again. */
async function unmountInner(guest: Guest, outer: Mount, mounts: readonly Mount[]): Promise<void> {
  const inner = mounts.filter(({ target }) => target.startsWith(`${outer.target}/`));
  for (const mount of inner.filter(({ type }) => type === 'classic')) {
    await unmountClassic(guest, mount, { lazily: true });
  }
}

async function mountInGuest(guest: Guest, mount: Mount, signal?: AbortSignal): Promise<void> {
  await (mount.type === 'native' ? mountNative : mountClassic)(guest, mount, signal);
}

function hinted({ message, hint }: MultipassError): string {
  return hint === undefined ? message : `${message}. ${hint}`;
}
