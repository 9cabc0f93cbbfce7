import type { InstanceView } from '../vm/views.js';
import { isLive } from '../vm/state.js';
import type { CliContext } from './context.js';

/** The views with what the running ones tell of themselves; where none runs, nothing is loaded for it. */
export async function asked(
  views: readonly InstanceView[],
  { layout, signal }: Pick<CliContext, 'layout' | 'signal'>,
): Promise<readonly InstanceView[]> {
  if (!views.some(({ state }) => isLive(state))) return views;
  const { withRuntime } = await import('../vm/guest/ask-instances.js');
  return await withRuntime(views, { layout, signal });
}
