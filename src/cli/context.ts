import type { StoreLayout } from '../command-line.js';
import type { VirtualMachineStore } from '../index.js';

/** A stream that a command writes to. */
export interface Output {
  /** Writes text; on a terminal none of it steers. */
  write(text: string): void;
  /** Writes what steers the terminal, a sequence of our own. */
  steer(sequence: string): void;
  readonly isTerminal: boolean;
  /** Columns of the terminal; 80 where there is none. */
  readonly columns: number;
}

/** A stream for results, which need not be text. */
export interface ResultOutput extends Output {
  /**
   * Writes bytes, and resolves when there is room for more; on a terminal none of them steers.
   * @throws the system's own error: EPIPE when nobody reads any more
   */
  writeBytes(bytes: Uint8Array): Promise<void>;
  /**
   * The same, and on a terminal they steer: for a console, which is there for that.
   * @throws the system's own error
   */
  writeRaw(bytes: Uint8Array): Promise<void>;
}

/** The world as a command sees it: it touches no global of the process. */
export interface CliContext {
  /** All of standard input, to its end: bytes. */
  readonly stdin: () => Promise<Buffer>;
  /** Standard input, piece by piece. */
  readonly stdinPieces: () => AsyncIterable<Uint8Array>;
  /** Whether standard input and output are a terminal, such as a shell in a guest wants. */
  readonly terminal: boolean;
  /** Results, and nothing else. */
  readonly stdout: ResultOutput;
  /** Progress, warnings and errors. */
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly home: string;
  /** Fires at the first Ctrl-C. */
  readonly signal: AbortSignal;
  /** The store that the command is about, as every program has it. */
  readonly store: VirtualMachineStore;
  /** Where everything of that is: for the few looks that no program has. */
  readonly layout: StoreLayout;
  readonly version: string;
  /**
   * Name of the instance that comes first in lists, and that commands without a name are about; '' for none.
   * Reads the settings at each access, and throws when they cannot be read.
   */
  readonly primary: string;
}
