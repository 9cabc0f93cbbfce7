import type { SharedProblem } from '../../net/shared/probe.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import { readSettings, type Environment } from '../settings/settings.js';
import type { NetworkMode } from '../settings/store-settings.js';
import { findMakerOnce, isNews, noShared } from '../network/network-findings.js';
import type { NetworkKind } from '../network/network-kind.js';
import { findHolder } from '../network/shared-holder.js';

/**
 * What an instance that starts cold is plugged into. Where nobody has said, it is the network that the store's
 * instances share; where this host cannot have that, each has one of its own, and the user is told why, once in each
 * boot.
 * @throws MultipassError NETWORK_UNAVAILABLE when it is to be the shared one, and there can be none; ABORTED
 */
export async function chooseNetwork(
  layout: StoreLayout,
  mode: NetworkMode,
  work: Work,
): Promise<NetworkKind> {
  if (mode === 'user') return 'user';
  if (mode === 'bridge') return 'host';
  const problem = await problemWithShared(layout, work.signal);
  if (problem === undefined) return 'shared';
  if (mode === 'shared') throw noShared(problem);
  if (await isNews(layout, problem)) {
    work.warn(aloneBecauseOf(problem));
  }
  return 'user';
}

/** Why instances do not see each other, where that is so and nobody has asked for it; undefined otherwise. */
export async function whyAlone(
  layout: StoreLayout,
  { env, signal }: { readonly env: Environment; readonly signal?: AbortSignal | undefined },
): Promise<string | undefined> {
  if (readSettings(layout, env).network !== 'auto') return undefined;
  const problem = await problemWithShared(layout, signal);
  return problem === undefined ? undefined : aloneBecauseOf(problem);
}

function aloneBecauseOf({ why, hint }: SharedProblem): string {
  return `instances do not see each other here: ${why}. ${hint}`.trimEnd();
}

/** Why there can be no shared network; undefined when there can. What has worked is remembered for this boot. */
export async function problemWithShared(
  layout: StoreLayout,
  signal?: AbortSignal,
): Promise<SharedProblem | undefined> {
  if (findHolder(layout) !== undefined) return undefined;
  const found = await findMakerOnce(layout, signal);
  return typeof found === 'string' ? undefined : found;
}
