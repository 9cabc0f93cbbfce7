/** Where the programs work that set up a network and look at it, and until when. */
export interface NetPlace {
  /** The words that run a program in another network namespace. Default: none, it is our own. */
  readonly through?: readonly string[] | undefined;
  /** A process that is in that namespace. Default: ourselves. */
  readonly inside?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}
