import { MultipassError } from '../../errors.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { log } from '../../log.js';
import { makeFolder } from '../../files/make-folder.js';
import { sharedProblem, type SharedProblem } from '../../net/shared/probe.js';
import { bootId } from '../../process/start-time.js';
import type { StoreLayout } from '../../store/layout.js';
import type { Work } from '../../work.js';
import type { NetworkMode } from '../settings/store-settings.js';
import type { NetworkKind } from './network-kind.js';
import { findHolder } from './shared-holder.js';

/**
 * What an instance that starts cold is plugged into. Where nobody has said, it is the network that the store's instances
 * share; where this host cannot have that, each has one of its own, and the user is told why, once in each boot.
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
    work.warn(`instances do not see each other here: ${problem.why}. ${problem.hint}`);
  }
  return 'user';
}

/** Why there can be no shared network; undefined when there can. What has worked is remembered for this boot. */
export async function problemWithShared(
  layout: StoreLayout,
  signal?: AbortSignal,
): Promise<SharedProblem | undefined> {
  if (findHolder(layout) !== undefined || read(layout).works === true) return undefined;
  const problem = await sharedProblem(signal);
  if (problem === undefined) await note(layout, { works: true });
  return problem;
}

function noShared({ why, hint }: SharedProblem): MultipassError {
  return new MultipassError(
    'NETWORK_UNAVAILABLE',
    `there can be no network that instances share: ${why}`,
    {
      hint: `${hint} Or let each have its own (\`multipass set local.network=user\`): they do not see each other then.`.trimStart(),
      details: { why },
    },
  );
}

/** What was found out in this boot of the host. */
interface Findings {
  readonly works?: boolean | undefined;
  /** Why there is none, as the user was told. */
  readonly told?: string | undefined;
}

async function isNews(layout: StoreLayout, { why }: SharedProblem): Promise<boolean> {
  if (read(layout).told === why) return false;
  await note(layout, { told: why });
  return true;
}

/** Nothing is known after a boot of the host, nor by a file that cannot be read. */
function read(layout: StoreLayout): Findings {
  try {
    const place = readRecordIfAny(layout.networkFindings);
    const boot = bootId();
    if (place === undefined || boot === '' || place.key('boot').string() !== boot) return {};
    const [works, told] = [place.key('works'), place.key('told')];
    return {
      works: works.isAbsent() ? undefined : works.boolean(),
      told: told.isAbsent() ? undefined : told.string(),
    };
  } catch (error) {
    if (error instanceof MultipassError) return {};
    throw error;
  }
}

async function note(layout: StoreLayout, findings: Findings): Promise<void> {
  try {
    await makeFolder(layout.network);
    await replaceRecord(layout.networkFindings, { boot: bootId(), ...findings });
  } catch (error) {
    if (!(error instanceof MultipassError)) throw error;
    log('debug', 'network', `it will be found out again: ${error.message}`);
  }
}
