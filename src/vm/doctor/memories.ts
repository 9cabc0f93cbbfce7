import { lstatSync } from 'node:fs';
import { isToBeRenewed } from '../read-instance.js';
import type { Examination } from './examination.js';
import { moveAside, whileLocked } from './mends.js';

/** What clones that were not started yet begin with: all of it is there, or nothing. */
export function checkMemories(examination: Examination): void {
  for (const { name, reading } of examination.instances) {
    if (reading === undefined || reading.state === 'Running' || examination.isBusy(name)) continue;
    const { dir } = reading;
    const isWanted = isToBeRenewed(dir);
    for (const path of [dir.ram, dir.devices]) {
      const isThere = lstatSync(path, { throwIfNoEntry: false }) !== undefined;
      if (isWanted === isThere) continue;
      if (isWanted) {
        examination.note('memory-missing', {
          instance: name,
          path,
          message: `"${path}" is missing: "${name}" cannot go on from its memory`,
          hint:
            `Put it back from another clone of the same moment, or leave the memory behind: ` +
            `\`multipass stop --force ${name}\`.`,
        });
      } else {
        examination.note('memory-left', {
          instance: name,
          path,
          message: `"${path}" is left of a memory that "${name}" has gone on from`,
          hint: 'Have it put aside by `multipass doctor --fix`; the next change of the instance removes it.',
          mend: whileLocked(name, async (request) => {
            if (!isToBeRenewed(dir)) await moveAside(path)(request);
          }),
        });
      }
    }
  }
}
