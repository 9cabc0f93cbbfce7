/** An option, as completion knows it. */
export interface CompletionOption {
  /** Every way to write it: `-n`, `--name`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** The values it takes, when there are few; otherwise files are offered. */
  readonly choices?: readonly string[];
}

/** Names that the store has: what `__complete` prints for each kind. */
const NAMES = [
  'instance',
  'stopped-instance',
  'running-instance',
  'deleted-instance',
  'alias',
  'alias-context',
] as const;
type CompletionNames = (typeof NAMES)[number];

/** What the arguments of a command are. */
export type CompletionArgument =
  | 'none'
  | CompletionNames
  | 'command'
  | 'shell'
  | 'file'
  /** A file, or a running instance with a colon behind it. */
  | 'place';

/** Whether an argument is a name that the store has. */
export function isNames(argument: CompletionArgument): argument is CompletionNames {
  return NAMES.some((names) => names === argument);
}

/** A command, as completion knows it. */
export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly aliases: readonly string[];
  readonly options: readonly CompletionOption[];
  readonly argument: CompletionArgument;
}

/** The shells that a completion script can be had for. */
export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];
