import type { Digest } from '../../files/digest.js';
import type { BlobPlace, ChunkPlace } from './manifest.js';

/** A chunk that came with a word where it goes. */
export interface ArrivedChunk {
  readonly place: ChunkPlace;
  /** What its blob is called; whether it is that is for the taker to see. */
  readonly digest: Digest;
  readonly data: Buffer;
}

/** Where an artifact comes from: a stream, a file, or a folder. Nothing in it is believed. */
export interface ArtifactSource extends AsyncDisposable {
  /** What it is called in messages. */
  readonly origin: string;
  /** The config, where it comes before the chunks and says so; undefined where it has to be looked for. */
  config(): Promise<Buffer | undefined>;
  /** The chunks that come with a word where they go, in their order; to be asked for once, behind the config. */
  chunks(): AsyncIterable<ArrivedChunk>;
  /** The index, once all chunks have come. @throws MultipassError ARTIFACT_INVALID without one */
  index(): Promise<Buffer>;
  /**
   * Any other blob, of which digest and size are as they are said to be.
   * @throws MultipassError ARTIFACT_INVALID
   */
  blob(place: BlobPlace): Promise<Buffer>;
}
