import { isLive, loadAskInstances } from '../command-line.js';
import type { InstanceView } from '../index.js';
import type { CliContext } from './context.js';

/** The views, the running ones with what their guests say of themselves; where none runs, nothing is loaded for it. */
export async function withRuntime(
  views: readonly InstanceView[],
  { layout, signal }: Pick<CliContext, 'layout' | 'signal'>,
): Promise<readonly InstanceView[]> {
  if (!views.some(({ state }) => isLive(state))) return views;
  const { withRuntime: askAll } = await loadAskInstances();
  return await askAll(views, { layout, signal });
}
