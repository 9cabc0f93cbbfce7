import { once } from 'node:events';
import { constants, open, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { sleep } from '../../abort.js';
import { MultipassError } from '../../errors.js';
import { SHARED_FILES } from '../../net/shared/shared-files.js';
import { WAY_OUT_LINK, wayOutWords } from '../../net/shared/way-out.js';
import { spawnDetached } from '../../process/detach.js';
import { sendSignal } from '../../process/send-signal.js';
import type { StoreLayout } from '../../store/layout.js';
import { liveProcessOf } from '../../store/pid-file.js';
import { isInside } from './shared-holder.js';

const POLL_MS = 5;
/** It ends at once when it is told to; what does not is stuck. */
const PATIENCE_MS = 3000;

/** The pid of the slirp4netns that leads out of the store's shared network; undefined when none lives. */
export function findWayOut({ sharedNetwork: folder }: StoreLayout): number | undefined {
  // It sees no folder of the host's.
  return liveProcessOf(join(folder, SHARED_FILES.wayOut), null);
}

/**
 * The network has a way out: a slirp4netns, which is started when there is none, or none that leads out of this one.
 * @param holder a process in the network
 * @returns whether it was started: what was forwarded before is not any more
 * @throws MultipassError NETWORK_FAILED with its own words; TOOL_MISSING
 */
export async function ensureWayOut(
  layout: StoreLayout,
  { holder, hostLoopback }: { readonly holder: number; readonly hostLoopback: boolean },
): Promise<boolean> {
  if (findWayOut(layout) !== undefined) {
    if (isInside(holder, WAY_OUT_LINK)) return false;
    await endWayOut(layout);
  }
  const folder = layout.sharedNetwork;
  for (const file of [SHARED_FILES.wayOut, SHARED_FILES.wayOutSocket]) {
    await rm(join(folder, file), { force: true });
  }
  const log = join(folder, SHARED_FILES.wayOutLog);
  const output = await open(log, 'w', 0o600);
  // Without anybody who holds it an open file that waits would wait for ever.
  const leash = await open(
    join(folder, SHARED_FILES.leash),
    constants.O_RDONLY | constants.O_NONBLOCK,
  );
  try {
    const [file = '', ...args] = wayOutWords(holder, hostLoopback);
    const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C' };
    const fds = ['pipe', leash.fd] as const;
    const started = await spawnDetached(file, args, { cwd: folder, output: output.fd, fds, env });
    const [ready] = started.pipes.values();
    // A byte when it leads out; the end of the stream when it has failed.
    const isReady = ready !== undefined && (await firstByte(ready));
    ready?.destroy();
    if (isReady) return true;
  } finally {
    await Promise.all([output.close(), leash.close()]);
  }
  const words = (await readFile(log, 'utf8').catch(() => '')).trim();
  const said = words.split('\n').at(-1) ?? '';
  throw new MultipassError(
    'NETWORK_FAILED',
    `the network that instances share has no way out: slirp4netns did not start${said === '' ? '' : `: ${said}`}`,
    {
      hint: 'Mend what it says, then try again. Or use no shared network (`multipass set local.network=user`).',
      details: { output: words },
    },
  );
}

/** Ends the way out, and returns when it has ended. */
export async function endWayOut(layout: StoreLayout): Promise<void> {
  for (let waited = 0; ; waited += POLL_MS) {
    const pid = findWayOut(layout);
    if (pid === undefined) return;
    if (waited === 0 || waited >= PATIENCE_MS)
      sendSignal(pid, waited === 0 ? 'SIGTERM' : 'SIGKILL');
    await sleep(POLL_MS);
  }
}

async function firstByte(stream: NodeJS.ReadableStream): Promise<boolean> {
  const [what] = await Promise.race([
    once(stream, 'data').then(() => [true]),
    once(stream, 'end').then(() => [false]),
    once(stream, 'close').then(() => [false]),
  ]);
  return what === true;
}
