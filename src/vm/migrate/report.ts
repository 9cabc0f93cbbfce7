/** What a migration did with one legacy instance, or would do in a dry run. */
export interface MigratedInstance {
  /** Of the instance. */
  readonly name: string;
  /** `recovered`: its files were found without a record of it. */
  readonly action: 'migrated' | 'recovered' | 'skipped' | 'failed';
  /** Why it was skipped or failed, else null. */
  readonly reason: string | null;
  /** State of the instance in the new store, or null when it did not get there. */
  readonly state: string | null;
  /** How the disk came here, or null when it did not. */
  readonly method: 'reflink' | 'copy' | 'convert' | 'move' | null;
  /** Bytes written for the disk; 0 for a reflink or a move. */
  readonly bytes: number;
  /** How many snapshots came with it. */
  readonly snapshots: number;
  /** What the user should know about an instance that came over all the same. */
  readonly warnings: readonly string[];
}

/** The outcome of `multipass migrate`. */
export interface MigrationReport {
  /** What went wrong apart from single instances. */
  readonly errors: readonly string[];
  /** The legacy roots that were read. */
  readonly from: readonly string[];
  /** True when nothing was written. */
  readonly dryRun: boolean;
  /** All that were found, or asked for. */
  readonly instances: readonly MigratedInstance[];
  /** The aliases that came over with them, each as `<context>.<name>`. */
  readonly aliases: readonly string[];
}
