import { readdirSync } from 'node:fs';
import type { StoreLayout } from './layout.js';

const MARK = /^(.*)\.ephemeral$/;

/** The tokens of the marks that instances end with a process; none where they cannot be listed. */
export function ephemeralTokens(layout: StoreLayout): string[] {
  try {
    return readdirSync(layout.locks).flatMap((file) => MARK.exec(file)?.[1] ?? []);
  } catch {
    return [];
  }
}
