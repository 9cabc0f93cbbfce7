import { realpathSync, statSync } from 'node:fs';
import { MultipassError } from '../../errors.js';
import { readRecordIfAny, replaceRecord } from '../../files/record.js';
import { isLogged, log } from '../../log.js';
import { findProgram, notInstalled } from '../../process/programs.js';
import { PERMIT_SANDBOX } from '../../process/sandbox-hint.js';
import { sandboxProblem } from '../../process/sandbox-probe.js';
import { bootId } from '../../process/start-time.js';
import { qemuFiles } from '../../qemu/qemu-files.js';
import type { StoreLayout } from '../../store/layout.js';
import { qemuProgram, qemuTarget } from './qemu-program.js';

/** A QEMU that is shut up. */
export interface ConfinedProgram {
  /** Absolute path. */
  readonly program: string;
  /** All that it consists of. */
  readonly parts: readonly string[];
}

const MOST_PARTS = 100_000;
/** What a change of libraries changes, too. */
const LOADER_CACHE = '/etc/ld.so.cache';

/**
 * What a QEMU consists of, for a sandbox; null where there is none that works: it runs in our own world then. That it
 * works is tried out once in each boot of the host; that it does not, each time.
 * @param name such as `qemu-system-x86_64`
 * @throws MultipassError TOOL_MISSING
 */
export async function filesOfConfined(
  layout: StoreLayout,
  name: string,
): Promise<ConfinedProgram | null> {
  if (process.platform !== 'linux') return null;
  const found = findProgram(name);
  if (found === undefined) throw notInstalled(name);
  const program = realpathSync(found);
  const stamp = [bootId(), program, stampOf(program), stampOf(LOADER_CACHE)].join(' ');
  const known = remembered(layout, stamp);
  if (known !== undefined) return { program, parts: known };
  const problem = await sandboxProblem(program);
  if (problem !== undefined) {
    log('info', 'sandbox', `QEMU is in no sandbox: bubblewrap does not work here: ${problem}`);
    return null;
  }
  const parts = await qemuFiles(program);
  await replaceRecord(layout.confinementFile, { stamp, parts });
  return { program, parts };
}

/** Logs whether QEMU is in a sandbox on this host, and if not, what to do; found out for it, if that is to be seen. */
export async function logConfinement(): Promise<void> {
  if (!isLogged('info')) return;
  const program = findProgram(qemuProgram(qemuTarget().arch));
  if (program === undefined) return;
  const problem = await sandboxProblem(realpathSync(program));
  const text =
    problem === undefined
      ? 'QEMU and classic mounts are in a sandbox (bubblewrap)'
      : `QEMU is in no sandbox, and there are no classic mounts: bubblewrap does not work here: ${problem}. ` +
        PERMIT_SANDBOX;
  log('info', 'sandbox', text);
}

/** What was found out in this boot of the host; a file that cannot be read is no answer. */
function remembered(layout: StoreLayout, stamp: string): string[] | undefined {
  try {
    const place = readRecordIfAny(layout.confinementFile);
    if (place?.key('stamp').string() !== stamp) return undefined;
    const parts = place.key('parts').items(MOST_PARTS);
    return parts.map((part) => part.string());
  } catch (error) {
    if (error instanceof MultipassError) return undefined;
    throw error;
  }
}

function stampOf(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? '' : `${stats.ino}:${stats.size}:${stats.mtimeMs}`;
}
