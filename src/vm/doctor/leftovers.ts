import { join } from 'node:path';
import { isCommit } from '../../store/commit.js';
import { makerState } from '../../store/maker-token.js';
import { isAbandoned } from '../../store/sweep.js';
import type { Examination } from './examination.js';
import { entriesOf } from './folder-entries.js';
import { sweepStore } from './mends.js';

const SWEPT =
  'The next command that changes the store removes it, as does `multipass doctor --fix`.';

/** What dead commands left in `staging/` and `trash/`. What living ones are at is no finding. */
export async function checkLeftovers(examination: Examination): Promise<void> {
  const { layout } = examination;
  for (const folder of [layout.staging, layout.trash]) {
    for (const entry of entriesOf(folder)) await checkEntry(examination, folder, entry);
  }
}

async function checkEntry(examination: Examination, folder: string, entry: string): Promise<void> {
  const { layout } = examination;
  const path = join(folder, entry);
  if (await isAbandoned(layout, folder, entry, { keepsFiles: true })) {
    if (folder === layout.trash) {
      const message = `"${path}" was on its way out of the store when its command ended`;
      examination.note('trash-left', { path, message, hint: SWEPT, mend: sweepStore });
    } else if (isCommit(entry)) {
      const message = `the command that was about to publish several instances ended ("${path}")`;
      const hint =
        'The next command that changes the store finishes it, as does `multipass doctor --fix`.';
      examination.note('commit-left', { path, message, hint, mend: sweepStore });
    } else {
      const message = `"${path}" was in the making when its command ended`;
      examination.note('staging-left', { path, message, hint: SWEPT, mend: sweepStore });
    }
  } else if (makerState(entry) === 'unknown') {
    examination.note('unknown-file', {
      path,
      message: `nobody can tell from here who makes, or has put there, "${path}"`,
      hint: 'It is removed after a day, if nobody is at it.',
    });
  }
}
