/** What `scripts/test-matrix.mjs` was told. */
export interface MatrixOptions {
  /** Parts of the names of operations; none: all. */
  readonly words: readonly string[];
  /** Which of how many parts of the points. */
  readonly shard: { readonly number: number; readonly of: number };
  /** Points that are tried side by side. */
  readonly workers: number;
  /** Where the results are kept, one file for each operation and shard. */
  readonly folder: string;
}

/** As it stands in the environment. */
export const MATRIX = JSON.parse(process.env['MULTIPASS_TEST_MATRIX'] ?? '{}') as MatrixOptions;
