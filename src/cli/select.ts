import type { InstanceView } from '../vm/views.js';
import { usageError, type Invocation } from './command.js';

/**
 * The instances a command is about: those named, each once, or with `--all` those that `isMeant`.
 * @throws MultipassError USAGE with Multipass's texts when neither or both were given
 */
export async function selectNames(
  { context, args, options }: Invocation,
  isMeant: (view: InstanceView) => boolean,
): Promise<string[]> {
  const all = options['all'] === true;
  if (all && args.length > 0) throw usageError('Cannot specify name[s] when --all option set');
  if (!all && args.length === 0) throw usageError('Name argument or --all is required');
  if (!all) return [...new Set(args)];
  const { listInstances } = await import('../vm/list-instances.js');
  return (await listInstances(context.layout)).filter(isMeant).map(({ name }) => name);
}
