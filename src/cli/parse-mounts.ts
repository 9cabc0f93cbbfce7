import { resolve } from 'node:path';
import { usageError } from './command.js';

/** What `--mount` may be: a folder of the host, and where it is in the guest. */
export interface ParsedMount {
  /** Absolute. */
  readonly source: string;
  readonly target: string | undefined;
}

/** @throws MultipassError USAGE for a source that cannot be mounted: known before the work */
export async function parseMounts(texts: readonly string[]): Promise<ParsedMount[]> {
  if (texts.length === 0) return [];
  const { sourceProblem } = await import('../vm/mounts/mount-place.js');
  return texts.map((text) => {
    const [, given = text, target] = /^(.+):([^:]*)$/s.exec(text) ?? [];
    const source = resolve(given);
    const problem = sourceProblem(source);
    if (problem !== null) throw usageError(problem);
    return { source, target };
  });
}
