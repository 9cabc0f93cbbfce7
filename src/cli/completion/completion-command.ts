/** What completion can offer for an argument, or for the value of an option. */
export type CompletionKind =
  | 'none'
  /** One that is neither deleted nor Broken. */
  | 'instance'
  /** One that does not run: stopped or suspended. */
  | 'resting-instance'
  | 'stopped-instance'
  /** The same, or a file. */
  | 'stopped-or-file'
  | 'running-instance'
  | 'deleted-instance'
  /** Any instance, deleted or not, or a snapshot. */
  | 'instance-or-snapshot'
  /** An instance that is not deleted, or a snapshot. */
  | 'living-or-snapshot'
  /** A stopped instance, or a snapshot of one. */
  | 'stopped-or-snapshot'
  /** A snapshot of a stopped instance. */
  | 'snapshot'
  /** An instance with the colon of a path. */
  | 'instance-path'
  /** A file, or a running instance with the colon of a path. */
  | 'place'
  /** An instance with mounts, or one of these. */
  | 'mounted'
  /** A forward of any instance. */
  | 'forward'
  | 'alias'
  | 'alias-context'
  | 'command'
  | 'shell'
  | 'setting'
  /** A setting and its value: `local.network=user`. */
  | 'assignment'
  /** An image that is in the store, by its names. */
  | 'image'
  /** One that no instance uses. */
  | 'unused-image'
  /** The same, or a file. */
  | 'image-or-file'
  | 'image-action'
  | 'autostart-action'
  | 'network-action'
  | 'network'
  | 'folder'
  | 'file';

/** An option, as completion knows it. */
export interface CompletionOption {
  /** Every way to write it: `-n`, `--name`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly takesValue: boolean;
  /** True: it may be given several times. */
  readonly repeats?: boolean;
  /** The values it takes, when there are few. */
  readonly choices?: readonly string[];
  /** What its values are, where that can be looked up. */
  readonly completes?: CompletionKind;
  /** What the first argument of its command is, where the option is given. */
  readonly argument?: CompletionKind;
  /** Not shown in the help, nor offered. */
  readonly hidden?: boolean;
}

/** A command, as completion knows it. */
export interface CompletionCommand {
  readonly name: string;
  readonly summary: string;
  readonly aliases: readonly string[];
  readonly options: readonly CompletionOption[];
  /** What its arguments are: all of them, or each by its place. */
  readonly argument: CompletionKind | readonly CompletionKind[];
  /** What those behind the places are; by default nothing. */
  readonly further?: CompletionKind;
  /** Not shown in the help, nor offered. */
  readonly hidden?: boolean;
  /** True: behind the first argument comes a command with options of its own. */
  readonly runsInner?: boolean;
}

/** The shells that a completion script can be had for. */
export const COMPLETION_SHELLS = ['bash', 'zsh', 'fish'] as const;
export type CompletionShell = (typeof COMPLETION_SHELLS)[number];
