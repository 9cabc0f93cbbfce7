import { isLive } from '../vm/state.js';
import type { InstanceView } from '../vm/views.js';
import type { CliContext } from './context.js';

/** The views, the running ones with what their guests say of themselves; where none runs, nothing is loaded for it. */
export async function withRuntime(
  views: readonly InstanceView[],
  { layout, signal }: Pick<CliContext, 'layout' | 'signal'>,
): Promise<readonly InstanceView[]> {
  if (!views.some(({ state }) => isLive(state))) return views;
  const { withRuntime: askAll } = await import('../vm/guest/ask-instances.js');
  return await askAll(views, { layout, signal });
}
