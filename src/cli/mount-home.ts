import { MultipassError, hasCode } from '../errors.js';
import type { CliContext } from './context.js';
import { mountWithProgress } from './mount-with-progress.js';
import { tellWarning } from './problems.js';

/** Where the primary instance has the user's home, below its own. As in Multipass. */
const HOME = 'Home';

/**
 * Mounts the user's home in the primary instance, which has just been launched; others have none. Nobody asked for it,
 * so a guest that cannot is a warning, and mounts that are switched off are none.
 */
export async function mountHome(context: CliContext, name: string): Promise<void> {
  const { layout, env, home, primary } = context;
  if (name !== primary) return;
  const { readSettings } = await import('../vm/settings/settings.js');
  if (!readSettings(layout, env).privilegedMounts) return;
  try {
    const where = await mountWithProgress(context, { source: home, target: HOME, name });
    context.stdout.write(`Mounted '${home}' into '${name}:${where}'\n`);
  } catch (error) {
    if (!(error instanceof MultipassError) || hasCode(error, 'ABORTED')) throw error;
    tellWarning(context, error.message);
  }
}
