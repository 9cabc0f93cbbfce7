import { MultipassError } from '../../errors.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { log } from '../../log.js';
import { makeFolder } from '../../files/make-folder.js';
import { MAKERS, type Maker } from '../../net/shared/makers.js';
import { findMaker, type SharedProblem } from '../../net/shared/probe.js';
import { bootId } from '../../process/start-time.js';
import type { StoreLayout } from '../../store/layout.js';

/** The program that makes a shared network's namespaces. @throws MultipassError NETWORK_UNAVAILABLE, ABORTED */
export async function requireMaker(layout: StoreLayout, signal?: AbortSignal): Promise<Maker> {
  const found = await findMakerOnce(layout, signal);
  if (typeof found === 'string') return found;
  throw noShared(found);
}

/** The same, or why there is none. What has worked is remembered for this boot of the host. */
export async function findMakerOnce(
  layout: StoreLayout,
  signal?: AbortSignal,
): Promise<Maker | SharedProblem> {
  const known = read(layout).maker;
  if (known !== undefined) return known;
  const found = await findMaker(signal);
  if (typeof found === 'string') await note(layout, { maker: found });
  return found;
}

const OR_ALONE =
  'Or let each have its own (`multipass set local.network=user`): they do not see each other then.';

/** There is to be a shared network, and can be none. */
export function noShared({ why, hint }: SharedProblem): MultipassError {
  return new MultipassError(
    'NETWORK_UNAVAILABLE',
    `there can be no network that instances share: ${why}`,
    {
      hint: [hint, OR_ALONE].join(' ').trimStart(),
      details: { why },
    },
  );
}

/** What was found out in this boot of the host. */
interface Findings {
  /** The program that makes the namespaces. */
  readonly maker?: Maker | undefined;
  /** Why there is none, as the user was told. */
  readonly told?: string | undefined;
}

/** Whether the user has not been told yet, in this boot of the host, why there is none; from now on he has. */
export async function isNews(layout: StoreLayout, { why }: SharedProblem): Promise<boolean> {
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
    const [maker, told] = [place.key('maker'), place.key('told')];
    return {
      maker: maker.isAbsent() ? undefined : maker.oneOf(MAKERS),
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
