import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import { HolderNote } from '../../store/lock-holders.js';

/**
 * Lets others see what is being done to a running instance, whose own lock is its QEMU's: `list` says `Restarting`
 * then. Dispose of it at the end; that of a killed command counts for nothing. On a full disk nobody sees it.
 */
export async function noteWork(
  layout: StoreLayout,
  name: string,
  purpose: 'clone' | 'delete' | 'restart' | 'snapshot' | 'suspend',
): Promise<AsyncDisposable> {
  try {
    return await HolderNote.write(layout, name, purpose);
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('debug', 'run', `nobody sees what is done: ${error.message}`);
    return { [Symbol.asyncDispose]: () => Promise.resolve() };
  }
}
