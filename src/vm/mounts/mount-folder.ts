import { getegid, geteuid } from 'node:process';
import { ExecError, MultipassError } from '../../errors.js';
import { absolutePath } from '../../files/absolute-path.js';
import { run } from '../../process/run.js';
import { requireGuest } from '../guest/open-guest.js';
import type { InstanceRequest } from '../instance-request.js';
import type { InstanceReading } from '../read-instance.js';
import type { IdMapping, Mount, MountType } from '../records/mount.js';
import { readSettings, type Environment } from '../settings/settings.js';
import { Work } from '../../work.js';
import { ANY_STATE, openInstance } from '../open.js';
import { mountClassic } from './classic-mount.js';
import { sourceProblem, targetInGuest } from './mount-place.js';
import { planNativeMounts } from './native-mount.js';

/** What may be said of a mount besides its source. */
export interface MountChoices {
  /** In the guest; relative ones are in the user's home. Default: the source's own name there. */
  readonly target?: string | undefined;
  /** Default `classic`. */
  readonly type?: MountType | undefined;
  /** Default: our own user as the guest's default one. */
  readonly uidMappings?: readonly IdMapping[] | undefined;
  /** Default: our own group as the guest's default one. */
  readonly gidMappings?: readonly IdMapping[] | undefined;
}

/** Which folder gets into which instance. */
export interface MountRequest extends InstanceRequest, MountChoices {
  /** A folder of the host; relative ones are in our own working directory. */
  readonly source: string;
  readonly env?: Environment | undefined;
}

/**
 * Mounts a folder of the host in an instance, for now if it runs, and for every start to come. Killed in the middle,
 * the instance has the mount, or it has not; what one that runs had not got yet it gets at the next start.
 * @returns where it is in the guest
 * @throws MultipassError INVALID_ARGUMENT, MOUNT_EXISTS, MOUNT_FAILED, INSTANCE_NOT_FOUND, INSTANCE_DELETED,
 *   INSTANCE_NOT_STOPPED for a native one; TOOL_MISSING, SSH_FAILED, ABORTED
 */
export async function mountFolder(request: MountRequest): Promise<string> {
  const { layout, name, env = process.env } = request;
  const work = Work.of(request.work);
  const settings = readSettings(layout, env);
  if (!settings.privilegedMounts) throw mountsDisabled();
  const source = absolutePath(request.source);
  const problem = sourceProblem(source);
  if (problem !== null) {
    throw new MultipassError('INVALID_ARGUMENT', problem, {
      hint: 'Name a folder of this host that is there and that you may read.',
      details: { source },
    });
  }
  await using opened = await openInstance(layout, name, {
    for: 'mount',
    states: ANY_STATE,
    disk: 'any',
    hold: 'mounts',
    work,
  });
  work.begin('mounting', name);
  const { reading } = opened;
  const mount = mountOf(request, source, reading);
  const { mounts } = reading.spec;
  if (mounts.some(({ target }) => target === mount.target)) throw alreadyMounted(mount, name);
  const after = [...mounts, mount];
  if (mount.type === 'native') await requireNative(reading, after, settings.network === 'bridge');
  await opened.writeSpec({ mounts: after });
  if (reading.state !== 'Running') return mount.target;
  try {
    await mountClassic(await requireGuest(layout, reading), mount, work.signal);
    return mount.target;
  } catch (error) {
    await opened.writeSpec({ mounts });
    throw error;
  }
}

function mountOf(request: MountRequest, source: string, { spec }: InstanceReading): Mount {
  const { target, type = 'classic' } = request;
  const uidMappings = request.uidMappings ?? [{ host: geteuid?.() ?? 0, guest: -1 }];
  const gidMappings = request.gidMappings ?? [{ host: getegid?.() ?? 0, guest: -1 }];
  requireDistinct(uidMappings);
  requireDistinct(gidMappings);
  return {
    source,
    target: targetInGuest(source, target, spec.sshUser),
    type,
    uidMappings,
    gidMappings,
  };
}

/** A host id that is two guest ids, or the reverse, could not be mapped both ways. */
function requireDistinct(mappings: readonly IdMapping[]): void {
  for (const side of ['host', 'guest'] as const) {
    const ids = mappings.map((mapping) => mapping[side]);
    const twice = ids.find((id, index) => ids.indexOf(id) !== index);
    if (twice === undefined) continue;
    throw new MultipassError('INVALID_ARGUMENT', `the ${side} id ${twice} is mapped twice`, {
      hint: 'Give each id one map.',
    });
  }
}

async function requireNative(
  reading: InstanceReading,
  mounts: readonly Mount[],
  bridged: boolean,
): Promise<void> {
  const { name, state } = reading;
  if (state !== 'Stopped') throw mustBeStopped(name, state);
  const { refused, seenAs } = await planNativeMounts(mounts, { makesTaps: bridged });
  const own = refused.find(({ mount }) => mount === mounts.at(-1));
  if (own !== undefined) {
    throw new MultipassError('INVALID_ARGUMENT', own.problem, {
      hint: 'Map other ids (`--uid-map`, `--gid-map`), or mount classically (`--type classic`).',
      details: { name, source: own.mount.source, target: own.mount.target },
    });
  }
  if (seenAs === null) return;
  const probe = [`--map-user=${seenAs.uid}`, `--map-group=${seenAs.gid}`, '--', 'true'];
  await run('unshare', probe).catch((error: unknown) => {
    if (!(error instanceof ExecError)) throw error;
    throw new MultipassError('MOUNT_FAILED', 'this system does not let you map ids', {
      hint: 'Map ids to themselves (`--uid-map`, `--gid-map`), or mount classically (`--type classic`).',
      cause: error,
    });
  });
}

/** Multipass's text. */
function mustBeStopped(name: string, state: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    `Please stop the instance ${name} before attempting native mounts.`,
    { hint: `Stop it (\`multipass stop ${name}\`), then mount.`, details: { name, state } },
  );
}

function alreadyMounted({ target }: Mount, name: string): MultipassError {
  return new MultipassError('MOUNT_EXISTS', `"${target}" is already mounted in '${name}'`, {
    hint: `Take that off with \`multipass umount ${name}:${target}\`, or choose another folder.`,
    details: { name, target },
  });
}

/** Multipass's text. */
function mountsDisabled(): MultipassError {
  return new MultipassError(
    'INVALID_ARGUMENT',
    'Mounts are disabled on this installation of Multipass.',
    { hint: 'Allow them with `multipass set local.privileged-mounts=true`.' },
  );
}
