import {
  isLive,
  loadEmulation,
  loadMachineRecord,
  loadSettings,
  pendingNote,
} from '../command-line.js';
import type { BrokenInstanceView, InstanceView, StrayTag } from '../index.js';
import type { CliContext } from './context.js';
import { printable } from './format/table.js';

/*
 * What is said on stderr beside a list, which itself goes on.
 */

/** Says why instances are Broken. */
export function tellProblems(context: CliContext, broken: readonly BrokenInstanceView[]): void {
  for (const { name, problem } of broken) {
    context.stderr.write(`${printable(`instance "${name}" is broken: ${problem.message}`)}\n`);
    context.stderr.write(`  hint: ${printable(problem.hint)}\n`);
  }
}

/** Says which guests stand still, and what lets them go on. */
export function tellStandstills({ stderr }: CliContext, views: readonly InstanceView[]): void {
  for (const view of views) {
    if (view.state === 'Broken' || view.problem === undefined) continue;
    stderr.write(`${printable(view.problem.message)}\n`);
    stderr.write(`  hint: ${printable(view.problem.hint)}\n`);
  }
}

/** Says which operations in place are not finished, and what finishes them. */
export function tellPending({ stderr }: CliContext, views: readonly InstanceView[]): void {
  for (const view of views) {
    if (view.state === 'Broken' || view.pending === undefined) continue;
    stderr.write(`${printable(`note: ${pendingNote(view.name, view.pending)}`)}\n`);
  }
}

/** Says that there are internal snapshots without a record: they take space, and only their owner deletes them. */
export function tellStrayTags({ stderr }: CliContext, strays: readonly StrayTag[]): void {
  for (const { instance, tag } of strays) {
    const text = `note: the disk of "${instance}" holds a snapshot "${tag}" that has no record; it was left alone`;
    stderr.write(`${printable(text)}\n`);
  }
}

/** Says of guests that run in software for want of hardware that they do, unless that has been told. */
export async function tellEmulation(
  { layout, env, stderr }: CliContext,
  views: readonly InstanceView[],
): Promise<void> {
  const live = views.filter((view) => isLive(view.state));
  if (live.length === 0) return;
  const { acceleratorOf } = await loadMachineRecord();
  const { readSettings } = await loadSettings();
  const isEmulated = live.some(({ name }) => acceleratorOf(layout.instance(name)) === 'tcg');
  if (!isEmulated || readSettings(layout, env).accelerator !== 'auto') return;
  const { newsOfEmulation } = await loadEmulation();
  const news = await newsOfEmulation(layout);
  if (news !== null) stderr.write(`${printable(`note: ${news}`)}\n`);
}
