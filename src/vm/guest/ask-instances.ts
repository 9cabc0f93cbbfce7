import { atOnce } from '../../at-once.js';
import { MultipassError } from '../../errors.js';
import { log } from '../../log.js';
import type { StoreLayout } from '../../store/layout.js';
import {
  NOTHING_KNOWN,
  type InstanceView,
  type Problem,
  type ReadableInstanceView,
  type RuntimeInfo,
} from '../views.js';
import { problemOf, readInstance } from '../read-instance.js';
import { isLive } from '../state.js';
import { guestOf, leasedAddress } from './open-guest.js';
import { reachOf } from './reach.js';
import { askGuest } from './runtime-info.js';
import { lookForStandstill } from './standing-still.js';

type ReadableState = ReadableInstanceView['state'];

/** Guests that are asked at the same time. */
const AT_ONCE = 8;
/** A guest that does not answer by then is shown without what only it can tell. */
const PATIENCE_MS = 10_000;

/** Whose instances are asked. */
export interface AskRequest {
  readonly layout: StoreLayout;
  readonly signal?: AbortSignal | undefined;
}

/** The views with what the running ones tell of themselves; those that do not answer in time stay as they are. */
export async function withRuntime(
  views: readonly InstanceView[],
  request: AskRequest,
): Promise<InstanceView[]> {
  const { layout } = request;
  const asked = [...views];
  const running = views.flatMap((view, at) =>
    view.state !== 'Broken' && isLive(view.state) ? [{ view, at }] : [],
  );
  await atOnce(running, AT_ONCE, async ({ view, at }) => {
    const { runtime, problem } = await ask(view.name, request);
    const state = problem === undefined ? stateSeen(view.state, runtime) : 'Unknown';
    const reach = reachOf(layout.instance(view.name)) ?? undefined;
    asked[at] = { ...view, runtime, state, problem, reach };
  });
  return asked;
}

/** A guest that has let us in once in this run, and does not answer now, does something that nobody knows. */
function stateSeen(state: ReadableState, runtime: RuntimeInfo | null): ReadableState {
  if (state !== 'Running' && state !== 'Starting') return state;
  const isAnswering = runtime !== null && runtime.release !== '';
  if (isAnswering) return 'Running';
  return state === 'Running' ? 'Unknown' : state;
}

interface Told {
  readonly runtime: RuntimeInfo | null;
  readonly problem?: Problem | undefined;
}

/** A guest that stands still does not answer: QEMU, which does at once, is asked at the same time. */
async function ask(name: string, { layout, signal }: AskRequest): Promise<Told> {
  const dir = layout.instance(name);
  const stillness = new AbortController();
  const limits = [stillness.signal, AbortSignal.timeout(PATIENCE_MS)];
  const limit = AbortSignal.any(signal === undefined ? limits : [signal, ...limits]);
  const [standstill, runtime] = await Promise.all([
    lookForStandstill(dir, signal).then((found) => {
      if (found !== null) stillness.abort();
      return found;
    }),
    askItself(name, { layout, signal, limit }),
  ]);
  return standstill === null
    ? { runtime }
    : { runtime, problem: problemOf(standstill, layout, dir) };
}

async function askItself(
  name: string,
  { layout, signal, limit }: AskRequest & { readonly limit: AbortSignal },
): Promise<RuntimeInfo | null> {
  try {
    const reading = readInstance(layout, name);
    const leased = leasedAddress(layout, reading);
    const guest = await guestOf(layout, reading);
    if (guest === undefined) return null;
    try {
      const told = await askGuest(guest, limit);
      const ipv4 = leased === undefined ? told.ipv4 : [leased, ...told.ipv4];
      return { ...told, ipv4: [...new Set(ipv4)] };
    } catch (error) {
      if (leased === undefined || signal?.aborted === true) throw error;
      return { ...NOTHING_KNOWN, ipv4: [leased] };
    }
  } catch (error) {
    if (signal?.aborted === true || !(error instanceof MultipassError)) throw error;
    log('info', 'guest', `"${name}" does not tell: ${error.message}`);
    return null;
  }
}
