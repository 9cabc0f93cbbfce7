import { existsSync } from 'node:fs';
import { errnoOf, fromSystemError, hasCode, MultipassError } from '../../errors.js';
import type { StoreLayout } from '../../store/layout.js';
import { requireOwnRoot } from '../../store/root-rights.js';
import { requireOwnHost } from '../../store/store-host.js';
import { Work, type WorkRequest } from '../../work.js';
import { isNotFound } from '../errors.js';
import type { Environment } from '../settings/settings.js';
import type { CheckedDisks } from './disks.js';
import { examineStore } from './examine-store.js';
import type { Diagnosis, Finding, Mend } from './finding.js';
import { LostAndFound } from './lost-and-found.js';
import { examineMachine, type MachineFacts } from './machine.js';

export type { Finding, FindingKind, Severity } from './finding.js';
export type { MachineFacts } from './machine.js';

/** What mending brings to light is mended, too, so often. */
const ROUNDS = 4;

/** What is examined, and whether it is mended. */
export interface DoctorOptions extends WorkRequest {
  /** True: what needs no guess is mended. Default: nothing is changed. */
  readonly fix?: boolean | undefined;
  /** True: the image server is asked, too. */
  readonly online?: boolean | undefined;
}

/** Which store is examined. */
export interface DoctorRequest extends DoctorOptions {
  readonly layout: StoreLayout;
  readonly env: Environment;
}

/** How a store is, and the machine that it is on. */
export interface DoctorReport {
  /** False when there is an error or a warning that was not mended. */
  readonly healthy: boolean;
  /** What was mended first; then in the order in which things are looked at. */
  readonly findings: readonly Finding[];
  /** What this machine has for the work. */
  readonly machine: MachineFacts;
}

/**
 * Examines a store and its machine. Without `fix` nothing is swept, changed or waited for. With it, what needs no guess
 * is mended by what every command uses for that; what is in the way and cannot be understood is moved into
 * `lost+found/`; data of guests are never deleted. What could not be mended is told as a warning, and is still found.
 * @throws MultipassError PERMISSION_DENIED, IO_ERROR, ABORTED; with `fix` STORE_NOT_PRIVATE when the store is another
 *   user's, STORE_OF_ANOTHER_HOST, RECORD_INVALID when it cannot be told whose it is
 */
export async function doctor(request: DoctorRequest): Promise<DoctorReport> {
  const { layout, env, fix = false, online = false } = request;
  const work = Work.of(request.work);
  const { found, mended } = await examineAndMend(layout, work, { fix });
  const { machine, found: ofMachine } = await examineMachine({ layout, work, env, online });
  const findings = [...mended, ...[...found, ...ofMachine].map(({ finding }) => finding)];
  const healthy = findings.every(({ severity, fixed }) => severity === 'note' || fixed);
  return { healthy, findings, machine };
}

/**
 * The same of the store alone.
 * @param disks what is known of disks by earlier calls
 * @internal for its tests
 */
export async function examineAndMend(
  layout: StoreLayout,
  work: Work,
  { fix, disks = new Map() }: { readonly fix: boolean; readonly disks?: CheckedDisks },
): Promise<{ readonly found: readonly Diagnosis[]; readonly mended: readonly Finding[] }> {
  let found = await examineStore({ layout, work, disks });
  const mended: Finding[] = [];
  if (fix) await requireOwn(layout);
  const lost = new LostAndFound(layout);
  const tried = new Set<string>();
  for (let round = 0; fix && round < ROUNDS; round += 1) {
    const wrong = found.filter(
      ({ finding, mend }) => mend !== undefined && !tried.has(keyOf(finding)),
    );
    if (wrong.length === 0) break;
    for (const mend of new Set(wrong.flatMap((one) => one.mend ?? []))) {
      work.throwIfAborted();
      await tryTo(mend, { layout, work, lost });
    }
    found = await examineStore({ layout, work, disks });
    const still = new Set(found.map(({ finding }) => keyOf(finding)));
    for (const { finding } of wrong) {
      if (!still.has(keyOf(finding))) mended.push({ ...finding, fixed: true });
    }
    for (const { finding } of wrong) tried.add(keyOf(finding));
  }
  return {
    found: found.map((one) => (tried.has(keyOf(one.finding)) ? unmendable(one) : one)),
    mended,
  };
}

/** Nothing is mended in another user's store, nor in one that is in use on another host. */
async function requireOwn(layout: StoreLayout): Promise<void> {
  if (!existsSync(layout.root)) return;
  await requireOwnRoot(layout, { exists: true });
  await requireOwnHost(layout);
}

/** What could not be mended is for somebody who knows more. */
function unmendable({ finding }: Diagnosis): Diagnosis {
  return { finding: { ...finding, fixable: false }, mend: undefined };
}

async function tryTo(mend: Mend, request: Parameters<Mend>[0]): Promise<void> {
  try {
    await mend(request);
  } catch (error) {
    // It was purged or got another name meanwhile.
    if (isNotFound(error)) return;
    const problem = errnoOf(error) === undefined ? error : fromSystemError(error, 'mend the store');
    if (!(problem instanceof MultipassError) || hasCode(problem, 'ABORTED')) throw problem;
    request.work.warn(`something could not be mended: ${problem.message}`);
  }
}

function keyOf({ kind, instance, path }: Finding): string {
  return [kind, instance, path].join('\0');
}
