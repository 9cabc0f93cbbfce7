import { MultipassError, hasCode } from '../../errors.js';
import type { Work } from '../../work.js';
import type { Guest } from '../guest/ssh.js';
import { ANY_STATE, openInstance, type OpenedInstance } from '../open.js';
import type { InstanceReading } from '../read-instance.js';
import type { Mount } from '../records/mount.js';
import { readMachine } from '../records/machine-record.js';
import { isMounted, mountClassic, unmountClassic, unmountInGuest } from './classic-mount.js';
import { endKeepers } from './keeper.js';
import { mountTag } from './mount-tag.js';
import { mountNative } from './native-mount.js';

/** Whose mounts. */
export interface ActivateRequest {
  readonly guest: Guest;
  /** How the running instance was read: where it has no mounts, nothing is locked. */
  readonly reading: InstanceReading;
  readonly work: Work;
}

/**
 * Mounts what an instance has mounts of, and the guest has not; for after its start. One that fails is told, and stays
 * among its mounts: the next start tries again.
 * @throws MultipassError ABORTED, …: no failure of a mount
 */
export async function activateMounts({ guest, reading, work }: ActivateRequest): Promise<void> {
  if (reading.spec.mounts.length === 0) return;
  await using opened = await openMounts({ guest, reading, work }, 'mount');
  const { spec, state, dir } = opened.reading;
  if (state !== 'Running') return;
  const shares = new Set(readMachine(dir)?.machine.shares.map(({ tag }) => tag));
  for (const mount of spec.mounts) {
    const tag = mountTag(mount.target);
    // Why the machine has no such share was told when it was started.
    if (mount.type === 'native' && !shares.has(tag)) continue;
    try {
      if (await isMounted(guest, tag, work.signal)) continue;
      await unmountInner(guest, mount, spec.mounts);
      await mountInGuest(guest, mount, work.signal);
    } catch (error) {
      if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
      work.warn(hinted(error));
    }
  }
}

/**
 * Takes every mount of a running instance off, for before it is suspended: a mounted native one is in QEMU's way, and a
 * classic one loses its connection. Either all are off, or none is.
 * @throws MultipassError MOUNT_FAILED when the guest uses a native one; SSH_FAILED, …, ABORTED
 */
export async function deactivateMounts(request: ActivateRequest): Promise<void> {
  const { guest, work } = request;
  await using opened = await openMounts(request, 'suspend');
  const { spec, state } = opened.reading;
  if (state !== 'Running') return;
  const { signal } = work;
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
}

async function openMounts(
  { guest, reading, work }: ActivateRequest,
  purpose: string,
): Promise<OpenedInstance> {
  return await openInstance(guest.layout, guest.dir.name, {
    for: purpose,
    states: ANY_STATE,
    disk: 'any',
    hold: 'mounts',
    seen: reading,
    work,
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
