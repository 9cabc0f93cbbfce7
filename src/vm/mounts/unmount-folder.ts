import { MultipassError } from '../../errors.js';
import { requireGuest } from '../guest/open-guest.js';
import { Work } from '../../work.js';
import type { InstanceRequest } from '../instance-request.js';
import { ANY_STATE, openInstance } from '../open.js';
import { unmountClassic, unmountInGuest } from './classic-mount.js';
import { targetInGuest } from './mount-place.js';

/** What is taken off which instance. */
export interface UnmountRequest extends InstanceRequest {
  /** In the guest; relative ones are in the user's home. Undefined or '': all of its mounts. */
  readonly target?: string | undefined;
}

/**
 * Takes mounts off an instance, for now if it runs, and for every start to come. One that the guest uses stays. A
 * native one's device goes with the next start.
 * @returns where in the guest they were
 * @throws MultipassError MOUNT_NOT_FOUND, MOUNT_FAILED, INSTANCE_NOT_FOUND, INSTANCE_DELETED, SSH_FAILED, ABORTED
 */
export async function unmountFolder(request: UnmountRequest): Promise<string[]> {
  const { layout, name } = request;
  const work = Work.of(request.work);
  await using opened = await openInstance(layout, name, {
    for: 'unmount',
    states: ANY_STATE,
    disk: 'any',
    hold: 'mounts',
    work,
  });
  const { spec, state } = opened.reading;
  const { target: wanted = '' } = request;
  const target = wanted === '' ? null : targetInGuest('', wanted, spec.sshUser);
  const chosen = spec.mounts.filter((mount) => target === null || mount.target === target);
  if (target !== null && chosen.length === 0) throw notMounted(target, name);
  let left = spec.mounts;
  // One may be in another.
  for (const mount of chosen.toReversed()) {
    if (state === 'Running') {
      const guest = await requireGuest(layout, opened.reading);
      const unmount = mount.type === 'native' ? unmountInGuest : unmountClassic;
      await unmount(guest, mount, { lazily: false, signal: work.signal });
    }
    left = left.filter((one) => one !== mount);
    await opened.writeSpec({ mounts: left });
  }
  return chosen.map((mount) => mount.target);
}

/** Multipass's text. */
function notMounted(target: string, name: string): MultipassError {
  return new MultipassError('MOUNT_NOT_FOUND', `path "${target}" is not mounted in '${name}'`, {
    hint: `See \`multipass info ${name}\` for what is.`,
    details: { name, target },
  });
}
