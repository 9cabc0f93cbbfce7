import { usageError, type Invocation } from './command.js';
import { selectNames } from './select.js';
import type { InstanceView } from '../vm/views.js';

/**
 * The instances that a command is about, where without a name the primary one is meant.
 * @throws MultipassError USAGE with Multipass's texts
 */
export async function selectNamesOrPrimary(
  invocation: Invocation,
  isMeant: (view: InstanceView) => boolean,
): Promise<string[]> {
  const { args, options, context } = invocation;
  if (args.length > 0 || options['all'] === true) return await selectNames(invocation, isMeant);
  if (context.primary === '') throw usageError('Name argument or --all is required');
  return [context.primary];
}
