import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { sleep } from '../../abort.js';
import { hasCode, MultipassError } from '../../errors.js';
import type { Card, LoneCard } from '../../qemu/machine.js';
import type { QmpClient } from '../../qemu/qmp-client.js';
import { putCardIn, takeCardOut } from '../../qemu/swap-card.js';
import { HOST_KEY_ALIAS, runInGuest, type Guest } from '../guest/ssh.js';
import { answersSsh } from '../guest/ssh-banner.js';
import type { Work } from '../../work.js';
import type { MemoryRecord } from '../records/memory-record.js';
import { firstBootCommand, renewScript, whoCommand, type NewSelf } from './renew-script.js';
import { macsItSaid, readWhatItSaid } from './what-it-said.js';

/** A guest that runs with another's memory, on a wire where nobody else is. */
export interface RenewRequest {
  readonly client: QmpClient;
  /** How it is entered on that wire. */
  readonly alone: Guest;
  readonly memory: MemoryRecord;
  /** The cards that it gets in the end. */
  readonly cards: readonly Card[];
  readonly hostname: string;
  readonly instanceId: string;
  /** Has the network take its new cards. */
  readonly plug: () => Promise<void>;
  /** How it is entered when it has them; undefined while it has no address. */
  readonly found: () => Promise<Guest | undefined>;
  /** Throws when it has ended meanwhile. */
  readonly requireAlive: () => void;
  /** Its signal is the deadline of all. */
  readonly work: Work & { readonly signal: AbortSignal };
}

const PAUSE_MS = 300;
/** How long a guest may take to see cards that were put in. */
const CARDS_MS = 30_000;

/**
 * Makes a machine of its own of a guest that has another's memory, and lets it onto its network then. What tells it
 * from the other is renewed on a wire of its own, and checked there; then its cards are taken out, and others put in,
 * and by these it has to let us in with a host key that is new. On an error it is to be ended: it is nobody yet.
 * @returns how it is entered
 * @throws MultipassError RENEWAL_FAILED with what has not become its own; SSH_FAILED, QMP_FAILED, ABORTED, …
 */
export async function renewGuest(request: RenewRequest): Promise<Guest> {
  const { client, alone, memory, cards, work } = request;
  const { signal } = work;
  const self = selfOf(request);
  await writeFile(alone.dir.knownHosts, memory.knownHosts, { mode: 0o600 });
  work.note('giving it an identity of its own');
  const script = renewScript(self, randomBytes(32).toString('hex'));
  const { stdout } = await enterAndRun(request, {
    found: () => Promise.resolve(alone),
    command: script.command,
    input: script.input,
  });
  const { hostKeys, missing } = readWhatItSaid(stdout, self, memory.knownHosts);
  if (missing.length > 0) throw renewalFailed(alone.dir.name, missing.join('; '));
  work.note('plugging its cards in');
  for (const index of memory.cards.keys()) await takeCardOut(client, index, signal);
  const lines = hostKeys.map((key) => `${HOST_KEY_ALIAS} ${key}\n`).join('');
  await writeFile(alone.dir.knownHosts, lines, { mode: 0o600 });
  for (const [index, card] of cards.entries()) await putCardIn(client, index, card);
  await request.plug();
  const guest = await enterByOwnCards(request);
  if (self.isFull) await runInGuest(guest, firstBootCommand(), { signal, okExitCodes: [0, 1, 2] });
  return guest;
}

function selfOf({ hostname, instanceId, memory, cards }: RenewRequest): NewSelf {
  const macs = memory.cards.flatMap(({ mac }: LoneCard, index) => {
    const card = cards[index];
    return card === undefined ? [] : [{ old: mac, new: card.mac }];
  });
  return { hostname, instanceId, macs, isFull: memory.level === 'full' };
}

/** What is run in a guest, once that lets us in. */
interface Errand {
  /** How it is entered; undefined while nobody knows. */
  readonly found: () => Promise<Guest | undefined>;
  readonly command: string;
  readonly input?: string | undefined;
  /** Whether another host key than the one that is known is waited out. */
  readonly isKeyAwaited?: boolean;
}

interface Entered {
  readonly guest: Guest;
  readonly stdout: string;
}

async function enterAndRun(request: RenewRequest, errand: Errand): Promise<Entered> {
  const { requireAlive, work } = request;
  for (;;) {
    requireAlive();
    const entered = await tryToRun(errand, work.signal);
    if (entered !== undefined) return entered;
    await sleep(PAUSE_MS, work.signal);
  }
}

/** Undefined when it is too early. */
async function tryToRun(
  { found, command, input, isKeyAwaited = false }: Errand,
  signal: AbortSignal,
): Promise<Entered | undefined> {
  const guest = await found();
  if (guest === undefined || !(await answersSsh(guest.address))) return undefined;
  try {
    const { stdout } = await runInGuest(guest, command, { signal, input });
    return { guest, stdout };
  } catch (error) {
    const isEarly =
      hasCode(error, 'SSH_FAILED') || (isKeyAwaited && hasCode(error, 'HOST_KEY_CHANGED'));
    if (isEarly) return undefined;
    throw error;
  }
}

/** By the first of its new cards it may let us in before it has seen the others. */
async function enterByOwnCards(request: RenewRequest): Promise<Guest> {
  const { alone, cards, work } = request;
  const began = performance.now();
  for (;;) {
    const { guest, stdout } = await enterAndRun(request, {
      found: request.found,
      command: whoCommand(),
      // Its server may have the old key for a moment still: it begins again meanwhile.
      isKeyAwaited: true,
    });
    const macs = macsItSaid(stdout);
    const missing = cards.map(({ mac }) => mac).filter((mac) => !macs.includes(mac));
    if (missing.length === 0) return guest;
    if (performance.now() - began > CARDS_MS) {
      throw renewalFailed(alone.dir.name, `it has no card ${missing.join(', ')}`);
    }
    await sleep(PAUSE_MS, work.signal);
  }
}

/** What it means that a guest has not become a machine of its own. */
export function renewalFailed(name: string, why: string, cause?: unknown): MultipassError {
  return new MultipassError(
    'RENEWAL_FAILED',
    `"${name}" has not become a machine of its own: ${why}`,
    {
      hint:
        `It was ended. Start it again, or leave its memory behind: \`multipass stop --force ${name}\`, then ` +
        `\`multipass start ${name}\` boots it from its disk.`,
      details: { name },
      cause,
    },
  );
}
