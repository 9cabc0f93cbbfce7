import { dirname, relative } from 'node:path';
import { findGuards, type Guard } from './find-guards.js';

/** A guard, and the number by which its mutant is chosen. */
export interface NumberedGuard extends Guard {
  readonly id: number;
  readonly file: string;
}

/** The module through which guards are switched, relative to the project. */
export const SWITCHES = 'src/guards.ts';

/**
 * Every mutant of a file in one text: which of them is on, if any, `MULTIPASS_MUTANT` says when it runs. So one build
 * is for all of them, child processes and the command included.
 */
export function withSwitches(
  file: string,
  source: string,
  firstId: number,
): { text: string; guards: NumberedGuard[] } {
  const guards = findGuards(file, source).map((guard, index) => ({
    ...guard,
    id: firstId + index,
    file,
  }));
  const path = relative(dirname(file), SWITCHES.replace(/\.ts$/, '.js'));
  const from = path.startsWith('.') ? path : `./${path}`;
  const head = `// @ts-nocheck\nimport * as guards from '${from}';\n`;
  return { text: head + rewritten(source, guards), guards };
}

/** Guards may lie within others: the inner ones come first. */
function rewritten(source: string, guards: readonly NumberedGuard[]): string {
  const within = (start: number, end: number, all: readonly NumberedGuard[]): string => {
    let text = '';
    let at = start;
    for (const guard of outermost(all)) {
      const inner = all.filter(
        (one) => one !== guard && one.start >= guard.start && one.end <= guard.end,
      );
      text += source.slice(at, guard.start);
      text += guard.switched(within(guard.start, guard.end, inner), `guards.off(${guard.id})`);
      at = guard.end;
    }
    return text + source.slice(at, end);
  };
  return within(0, source.length, guards);
}

function outermost(guards: readonly NumberedGuard[]): NumberedGuard[] {
  const sorted = [...guards].sort((a, b) => a.start - b.start || b.end - a.end || a.id - b.id);
  let end = -1;
  return sorted.filter((guard) => {
    if (guard.start < end) return false;
    end = guard.end;
    return true;
  });
}

/**
 * The text of that module. `off` also notes, where `MULTIPASS_MUTANT_HITS` names a file, that a test has come to a guard.
 * It has Node's own `fs`, whatever a test has put in its place.
 */
export const SWITCHES_TEXT = `// @ts-nocheck
const fs = process.getBuiltinModule('node:fs');
const told = new Set();
export function off(id) {
  const hits = process.env.MULTIPASS_MUTANT_HITS;
  if (hits !== undefined && !told.has(hits + id)) {
    told.add(hits + id);
    try { fs.appendFileSync(hits, id + '\\n', { mode: 0o666 }); } catch {}
  }
  return process.env.MULTIPASS_MUTANT === String(id);
}
export async function renameInSteps(from, to) {
  await copyInSteps(from, to);
  await fs.promises.rm(from, { recursive: true, force: true });
}
export async function copyInSteps(from, to) {
  await fs.promises.cp(from, to, { recursive: true, verbatimSymlinks: true });
}
`;
