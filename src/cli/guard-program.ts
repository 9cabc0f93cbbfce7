import { loadEndLive } from '../command-line.js';

/** Has what guards a running instance, while it is copied, or goes on from another's memory, run this very command. */
export async function guardByThisCommand(): Promise<void> {
  const { ownCommand } = await import('./own-command.js');
  const { endLiveBy } = await loadEndLive();
  endLiveBy([...ownCommand(), '__end-live']);
}
