import { MultipassError } from '../../errors.js';
import { readAliases } from '../aliases/alias-file.js';
import { namesOfInstances } from '../aliases/alias-instances.js';
import type { AliasRecord } from '../aliases/alias-record.js';
import { forgetAliases } from '../aliases/forget-aliases.js';
import type { Examination } from './examination.js';
import type { Mend } from './finding.js';

const forget: Mend = ({ layout, work }) => forgetAliases(layout, work);

/** Aliases of instances that are gone. */
export async function checkAliases(examination: Examination): Promise<void> {
  const { layout } = examination;
  const record = readIfReadable(examination);
  if (record === undefined) return;
  const nameOf = await namesOfInstances(layout);
  for (const [context, aliases] of Object.entries(record.contexts)) {
    for (const [name, alias] of Object.entries(aliases)) {
      if (nameOf(alias) !== undefined) continue;
      examination.note('alias-of-nobody', {
        path: layout.aliasesFile,
        message: `the alias "${context}.${name}" is of "${alias.instance}", which does not exist`,
        hint: `Remove it with \`multipass unalias ${name}\`, or by \`multipass doctor --fix\`.`,
        mend: forget,
      });
    }
  }
}

/** That it cannot be read is told with the other records. */
function readIfReadable({ layout }: Examination): AliasRecord | undefined {
  try {
    return readAliases(layout);
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}
