/** The files of something that came from outside: an archive, or a folder. */
export interface Members {
  /** What it is called in messages. */
  readonly origin: string;
  /** The names of the regular files in it, relative to it; with `/` where they lie deeper. */
  readonly names: ReadonlySet<string>;
  /** Bytes of one of them. */
  size(name: string): number;
  /** A small one of them. @throws MultipassError ARTIFACT_INVALID for one that is not there, or larger */
  read(name: string, most: number): Promise<Buffer>;
  /**
   * The path of a file that has what a member has: the member itself, or what was taken out of an archive.
   * @throws MultipassError ARTIFACT_INVALID, DISK_FULL, ABORTED
   */
  path(name: string): Promise<string>;
}
