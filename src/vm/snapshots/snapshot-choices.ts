/** What a snapshot is called. */
export interface SnapshotTexts {
  /** Without one: the first free `snapshotN`. */
  readonly name?: string | undefined;
  /** Without one: none. */
  readonly comment?: string | undefined;
}

/** How a snapshot is taken, and what it is called. */
export interface SnapshotChoices extends SnapshotTexts {
  /** Of a running instance: as its disk is at one moment, and it runs on. Default: that is refused. */
  readonly live?: boolean | undefined;
  /** With `live`: its memory, too, so that a restore goes on from there. Default: its disk alone. */
  readonly memory?: boolean | undefined;
}
