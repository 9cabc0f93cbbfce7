import { readdirSync } from 'node:fs';
import type { StoreLayout } from './layout.js';

const MARK = /^(.*)\.ephemeral$/;

/** The token that a mark in `locks/` is called by; undefined for another file. */
export function ephemeralTokenOf(file: string): string | undefined {
  return MARK.exec(file)?.[1];
}

/** The tokens of the marks that instances end with a process; none where they cannot be listed. */
export function ephemeralTokens(layout: StoreLayout): string[] {
  try {
    return readdirSync(layout.locks).flatMap((file) => ephemeralTokenOf(file) ?? []);
  } catch {
    return [];
  }
}
