/** How chunks are compressed. */
export type Compression = 'zstd' | 'gzip' | 'none';

/** All of them. */
export const COMPRESSIONS: readonly Compression[] = ['zstd', 'gzip', 'none'];
