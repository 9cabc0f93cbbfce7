import type { StoreLayout } from '../store/layout.js';

/** A stream that a command writes to. */
export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
}

/** The world as a command sees it: it touches no global of the process. */
export interface CliContext {
  /** Results, and nothing else. */
  readonly stdout: Output;
  /** Progress, warnings and errors. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  readonly platform: NodeJS.Platform;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
  readonly layout: StoreLayout;
  readonly version: string;
  /** Name of the instance that comes first in lists. */
  readonly primary: string;
}
