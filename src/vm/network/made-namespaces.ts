import { readFileSync, readlinkSync } from 'node:fs';
import { open, readFile } from 'node:fs/promises';
import { sleep } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { makerWords, type Maker } from '../../net/shared/makers.js';
import { descendantsOf } from '../../process/descendants.js';
import { spawnDetached, type DetachedProcess } from '../../process/detach.js';

/** What lives in new namespaces until somebody else does; should nobody come, it goes by itself. */
const ANCHOR = ['sleep', '30'] as const;

const POLL_MS = 5;
const PATIENCE_MS = 15_000;

/** Namespaces that a maker has made. They are there until this is closed, or for as long as something lives in them. */
export interface MadeNamespaces extends AsyncDisposable {
  /** A process in them, by which they are entered. */
  readonly inside: number;
}

/**
 * Has a maker make namespaces that others enter: one that stays around, or counts pids anew in there, would end with
 * what it runs, or the other way round.
 * @param place the maker's working directory, and where its words go
 * @throws MultipassError NETWORK_UNAVAILABLE with the maker's words
 */
export async function makeNamespaces(
  maker: Maker,
  place: { readonly folder: string; readonly log: string },
): Promise<MadeNamespaces> {
  const [file, ...words] = makerWords(maker);
  const output = await open(place.log, 'w', 0o600);
  try {
    const args = [...words, ...ANCHOR];
    const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
    const started = await spawnDetached(file, args, { cwd: place.folder, output: output.fd, env });
    const inside = await findAnchor(started);
    if (inside === undefined) {
      await started.kill();
      throw notMade(maker, await readFile(place.log, 'utf8'));
    }
    return {
      inside,
      // The maker ends with it.
      [Symbol.asyncDispose]: async () => await started.kill(inside),
    };
  } finally {
    await output.close();
  }
}

async function findAnchor(maker: DetachedProcess): Promise<number | undefined> {
  for (let waited = 0; waited < PATIENCE_MS && !maker.hasEnded(); waited += POLL_MS) {
    const found = descendantsOf(maker.pid).find(isAnchor);
    if (found !== undefined) return found;
    await sleep(POLL_MS);
  }
  return undefined;
}

function isAnchor(pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    if (words !== `${ANCHOR.join('\0')}\0`) return false;
    return readlinkSync(`/proc/${pid}/ns/net`) !== readlinkSync('/proc/self/ns/net');
  } catch {
    return false;
  }
}

function notMade(maker: Maker, words: string): MultipassError {
  const said = words.trim().split('\n').at(-1) ?? '';
  return new MultipassError(
    'NETWORK_UNAVAILABLE',
    `"${maker}" makes no network here${said === '' ? '' : `: ${said}`}`,
    {
      hint: 'See `multipass network status`. Or use none (`multipass set local.network=user`).',
      details: { maker, output: words },
    },
  );
}
