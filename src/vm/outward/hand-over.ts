import { randomBytes } from 'node:crypto';
import { chmod, readdir, rename } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { errnoOf, fromSystemError, MultipassError } from '../../errors.js';
import { isOccupied, withDraftFolder } from '../../files/draft.js';
import { syncPath, syncTree } from '../../files/sync.js';
import { formatMemorySize } from '../../memory-size.js';
import type { StoreLayout } from '../../store/layout.js';
import { Work } from '../../work.js';
import { LossNotes } from '../loss-report.js';
import type { InstanceReading } from '../read-instance.js';
import type { InstanceSpec } from '../records/spec.js';
import { readSeed } from '../seed/seed.js';
import { readSnapshots } from '../read-snapshots.js';
import { withExportSource } from '../travel/export-source.js';
import type { Departing, Written } from './departing.js';
import type { Engine, HandOverReport, HandOverRequest } from './hand-over-request.js';
import { toIncus } from './to-incus.js';
import { toKubevirt } from './to-kubevirt.js';
import { toLibvirt } from './to-libvirt.js';
import { toOva } from './to-ova.js';

const WRITERS: Readonly<Record<Engine, (departing: Departing) => Promise<Written>>> = {
  libvirt: toLibvirt,
  incus: toIncus,
  kubevirt: toKubevirt,
  ova: toOva,
};

/**
 * Writes a stopped instance, or the state of a snapshot, as files that another engine takes, with a report of what
 * becomes of it there. No engine is touched, and the instance is only read, under its shared lock. The folder is there
 * whole and durable, or not at all; no private key is in it.
 * @throws MultipassError INSTANCE_NOT_FOUND, INSTANCE_NOT_STOPPED, SNAPSHOT_NOT_FOUND, INSTANCE_CHANGED,
 *   INVALID_ARGUMENT for a folder that has something in it, DISK_FULL, TOOL_MISSING, ABORTED, …
 */
export async function handOver(request: HandOverRequest): Promise<HandOverReport> {
  const { layout, name, engine, folder, snapshot } = request;
  const work = Work.of(request.work);
  await requireEmpty(folder);
  const doing = { verb: 'export', phase: 'exporting' } as const;
  const about = { layout, name, snapshot, flat: true, doing, work };
  return await withExportSource(about, async ({ opened, state, files, beforeEnd }) => {
    const { reading } = opened;
    const draft = join(dirname(folder), `.${basename(folder)}.${randomBytes(4).toString('hex')}`);
    const what = { doing: `write "${name}" for ${engine}`, path: folder };
    return await withDraftFolder(draft, what, async () => {
      const notes = new LossNotes();
      noteCommon({ layout, reading, spec: state.spec, isSnapshot: state.tag !== undefined }, notes);
      const written = await WRITERS[engine]({
        layout,
        name,
        spec: state.spec,
        image: reading.image,
        seed: readSeed(reading.dir.seed),
        disk: files[0].path,
        draft,
        folder,
        notes,
        work,
      });
      beforeEnd();
      work.throwIfAborted();
      for (const file of written.artifacts) await chmod(join(draft, file), 0o600);
      await syncTree(draft);
      await rename(draft, folder).catch((error: unknown) => {
        throw isOccupied(error) ? notEmpty(folder) : fromSystemError(error, 'write', folder);
      });
      await syncPath(dirname(folder));
      const { artifacts, commands } = written;
      const losses = notes.report();
      return { name, snapshot: state.snapshot, engine, folder, artifacts, commands, losses };
    });
  });
}

/** A rename decides in the end; this is to know it before the work. */
async function requireEmpty(folder: string): Promise<void> {
  try {
    if ((await readdir(folder)).length > 0) throw notEmpty(folder);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw fromSystemError(error, 'write to the folder', folder);
  }
}

function notEmpty(folder: string): MultipassError {
  return new MultipassError('INVALID_ARGUMENT', `"${folder}" has something in it`, {
    hint: 'Name a folder that is not there yet, or an empty one.',
    details: { path: folder },
  });
}

function noteCommon(
  {
    layout,
    reading,
    spec,
    isSnapshot,
  }: {
    readonly layout: StoreLayout;
    readonly reading: InstanceReading;
    readonly spec: InstanceSpec;
    readonly isSnapshot: boolean;
  },
  notes: LossNotes,
): void {
  notes.keep('cpus', spec.cpus);
  notes.keep('memory', formatMemorySize(spec.memory));
  notes.keep('disk', formatMemorySize(spec.disk));
  const snapshots = isSnapshot ? [] : readSnapshots(reading.dir, reading.pending);
  for (const { name } of snapshots) {
    notes.lose('snapshot', name, `write "${reading.name}.${name}" into another folder`);
  }
  for (const { source, target } of spec.mounts) {
    notes.lose('mount', `${source} at ${target}`, 'a shared folder of the other engine');
  }
  for (const { hostPort, guestPort } of spec.forwards) {
    notes.lose('forward', `${hostPort} to ${guestPort}`, 'a forward of the other engine');
  }
  if (spec.autostart) notes.lose('autostart', 'on', 'the autostart of the other engine');
  if (spec.sshKey !== null) {
    notes.check.push(
      `its guest lets "${spec.sshUser}" in by the private key "${layout.key(spec.sshKey)}", which stays here`,
    );
  }
  notes.check.push('whatever is on its disk is in the files, keys and histories of its guest too');
}
