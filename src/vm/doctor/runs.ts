import { notedProcess } from '../../store/pid-file.js';
import { endKeeper, keptTags } from '../mounts/keeper.js';
import { pendingNote } from '../pending/still-pending.js';
import type { InstanceReading } from '../read-instance.js';
import type { Examination } from './examination.js';
import { settleInstance, whileLocked } from './mends.js';

/** What a killed command, or a killed QEMU, left of an instance. */
export function checkRuns(examination: Examination): void {
  for (const { name, view, reading } of examination.instances) {
    // Who starts or adopts a copy settles it.
    if (view.state === 'Broken' || reading === undefined) continue;
    if (view.pending !== undefined) {
      examination.note('operation-pending', {
        instance: name,
        path: reading.dir.pending,
        message: pendingNote(name, view.pending),
        hint: `Start it, or have it finished by \`multipass doctor --fix\`.`,
        mend: settleInstance(name),
      });
    }
    if (reading.uncleanEnd) {
      examination.note('run-ended-uncleanly', {
        instance: name,
        path: reading.dir.qemuPid,
        message: `the QEMU of "${name}" has ended without shutting down: its disk is to be checked`,
        hint: 'Start it, or have its disk checked and repaired by `multipass doctor --fix`.',
        mend: settleInstance(name),
      });
    }
    checkKeepers(examination, reading);
  }
}

/** The keepers of classic mounts. */
function checkKeepers(examination: Examination, { name, dir, state }: InstanceReading): void {
  for (const tag of keptTags(dir)) {
    const path = dir.runFile(`${tag}.pid`);
    if (notedProcess(path, dir.path) !== 'ended') continue;
    const isRunning = state === 'Running';
    examination.note('keeper-ended', {
      instance: name,
      path,
      message: `the process that kept a mount of "${name}" up has ended`,
      hint: isRunning
        ? `Mount the folder again: \`multipass umount ${name}\`, then \`multipass mount\`.`
        : 'It does no harm; `multipass doctor --fix` removes what it left.',
      mend: isRunning ? undefined : whileLocked(name, () => endKeeper(dir, tag)),
    });
  }
}
