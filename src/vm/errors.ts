import { MultipassError, hasCode } from '../errors.js';

export function instanceNotFound(name: string): MultipassError {
  return new MultipassError('INSTANCE_NOT_FOUND', `instance "${name}" does not exist`, {
    hint: 'See `multipass list` for the instances there are.',
    details: { name },
  });
}

export function isNotFound(error: unknown): boolean {
  return hasCode(error, 'INSTANCE_NOT_FOUND');
}

/**
 * The error of a deletion that wants a little room, on a full disk: with a hint that frees something. What has another
 * cause passes unchanged.
 */
export function deletionOnFullDisk(error: unknown, name: string): unknown {
  if (!hasCode(error, 'DISK_FULL') || error.details['pending'] !== undefined) return error;
  return error.restated({
    hint:
      `Make room first. None is needed by \`multipass delete --purge ${name}\`, which removes the whole instance for ` +
      'good, by `multipass purge`, which does that with deleted ones, and by `multipass purge --images`.',
  });
}

export function instanceDeleted(name: string): MultipassError {
  return new MultipassError('INSTANCE_DELETED', `instance "${name}" is deleted`, {
    hint: `Bring it back with \`multipass recover ${name}\`.`,
    details: { name },
  });
}

/** Multipass's text for a clone of anything that is not stopped. */
export function canOnlyCloneStopped(name: string, state: string): MultipassError {
  return new MultipassError('INSTANCE_NOT_STOPPED', 'Multipass can only clone stopped instances.', {
    hint:
      state === 'Suspended'
        ? `"${name}" is suspended: start and stop it first, or clone its disk without its memory (\`multipass ` +
          `clone --cold\`).`
        : `"${name}" is ${state.toLowerCase()}: stop it first, or clone its disk as it is at one moment (\`multipass ` +
          `clone --live\`).`,
    details: { name, state },
  });
}

export function instanceIsRunning(name: string, doing: string): MultipassError {
  return new MultipassError(
    'INSTANCE_NOT_STOPPED',
    `cannot ${doing} "${name}" while it is running`,
    {
      hint: `Shut it down first (\`multipass stop ${name}\`).`,
      details: { name },
    },
  );
}

/** Multipass's text for what needs a running instance. */
export function instanceNotRunning(name: string): MultipassError {
  return new MultipassError('INSTANCE_NOT_RUNNING', `Instance '${name}' is not running`, {
    hint: `Start it with \`multipass start ${name}\`.`,
    details: { name },
  });
}

/** A suspended instance whose machine nobody has on record: only who suspended it could resume it. */
export function cannotResume(name: string): MultipassError {
  return new MultipassError(
    'INSTANCE_SUSPENDED',
    `instance "${name}" was suspended by another program and cannot be resumed here`,
    {
      hint:
        `Drop its saved memory with \`multipass stop --force ${name}\`, then start it: it boots as after a ` +
        'power cut.',
      details: { name },
    },
  );
}

/** What to do about an instance that is in the way. */
export function hintToStop(name: string, state: string): string {
  if (state !== 'Suspended') return `"${name}" is ${state.toLowerCase()}: stop it first.`;
  return (
    `"${name}" is suspended: start it and stop it, or drop its saved memory with \`multipass stop --force ` +
    `${name}\`.`
  );
}
